/*
 * Within one segment the owners that know their own bounds come first: malloc's regions, then
 * stacks. What they leave is the segment's own: by its file, or by what lies beside it. All three
 * lists are sorted, so that one walk over the segments cuts them.
 */
#include "analyzer/memory/ledger.h"

#define AT_SYSINFO_EHDR 33                   /* Linux include/uapi/linux/auxvec.h, arch/x86 */
#define VVAR_REACH      (16 * 4096)          /* bytes */
#define HEAP_MAX        (UINT64_C(64) << 20) /* glibc malloc/arena.c HEAP_MAX_SIZE */
#define VSYSCALL        UINT64_C(0xffffffffff600000)

static const char *const kind_names[LEDGER_KINDS] = {
	[LEDGER_HEAP] = "heap",
	[LEDGER_ARENA] = "arena",
	[LEDGER_MMAPPED] = "mmapped-chunk",
	[LEDGER_RESERVE] = "reserve",
	[LEDGER_STACK] = "stack",
	[LEDGER_GUARD] = "guard",
	[LEDGER_TEXT] = "text",
	[LEDGER_RODATA] = "rodata",
	[LEDGER_DATA] = "data",
	[LEDGER_BSS] = "bss",
	[LEDGER_FILE] = "file",
	[LEDGER_SHARED] = "shared",
	[LEDGER_ANON] = "anonymous",
	[LEDGER_NONE] = "no-access",
	[LEDGER_VDSO] = "vdso",
	[LEDGER_VVAR] = "vvar",
};

const char *ledger_kind_name(enum ledger_kind kind)
{
	return kind_names[kind];
}

struct cutter {
	const struct core *core;
	const struct modules *modules;
	const struct heap *heap;
	const struct stacks *stacks;
	size_t span, stack; /* the first that ends after the walk's place */
	vaddr vdso;         /* 0: unknown */
	ARRAY(struct ledger_part) parts;
};

static void add(struct cutter *c, vaddr start, vaddr end, enum ledger_kind kind, size_t owner,
                size_t segment)
{
	struct ledger_part part = { start, end, kind, (uint32_t)owner, (uint32_t)segment };

	array_push(&c->parts, part);
}

static vaddr lesser(vaddr a, vaddr b)
{
	return a < b ? a : b;
}

/* A subheap's unused rest is a mapping without access rights. */
static void add_span(struct cutter *c, vaddr start, vaddr end, size_t segment)
{
	static const enum ledger_kind kinds[] = {
		[SPAN_BRK] = LEDGER_HEAP,
		[SPAN_ARENA] = LEDGER_ARENA,
		[SPAN_MMAP] = LEDGER_MMAPPED,
	};
	const struct span *span = &c->heap->span[c->span];
	const struct segment *s = &c->core->seg[segment];
	enum ledger_kind kind = kinds[span->kind];

	if (kind == LEDGER_ARENA && !(s->flags & SEG_W) && start >= span->end)
		kind = LEDGER_RESERVE;
	add(c, start, end, kind, c->span, segment);
}

static void add_stack(struct cutter *c, vaddr start, vaddr end, size_t segment)
{
	const struct stack *stack = &c->stacks->v[c->stack];
	vaddr guard_end = stack->start + stack->guard;

	if (start < guard_end) {
		add(c, start, lesser(end, guard_end), LEDGER_GUARD, c->stack, segment);
		start = guard_end;
	}
	if (start < end)
		add(c, start, end, LEDGER_STACK, c->stack, segment);
}

/*
 * The rest of a subheap's address space has no access rights, and is no part of the span. gcore
 * says that it can be read.
 */
static bool is_reserve(const struct cutter *c, const struct segment *s, vaddr at)
{
	const struct ledger_part *last = c->parts.n ? &c->parts.v[c->parts.n - 1] : NULL;
	unsigned rights = SEG_W | SEG_X | (c->core->kind == CORE_GCORE ? 0u : (unsigned)SEG_R);

	return last && last->kind == LEDGER_ARENA && last->end == at && at % HEAP_MAX != 0 &&
	       s->file < 0 && !s->absent && !(s->flags & rights);
}

/* A file of a tmpfs made for it is memory: shm_open (POSIX), and huge pages by name. */
static bool is_shared_memory(const struct core *core, const struct segment *s)
{
	static const char *const folders[] = { "/dev/shm/", "/run/shm/", "/dev/hugepages/" };
	const char *path = core->files[s->file].path;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (!strncmp(path, folders[i], strlen(folders[i])))
			return true;
	return false;
}

static enum ledger_kind file_kind(const struct core *core, const struct segment *s, bool module)
{
	if (!module && is_shared_memory(core, s))
		return LEDGER_SHARED;
	if (s->absent)
		return LEDGER_FILE;
	if (s->flags & SEG_X)
		return LEDGER_TEXT;
	if (!module)
		return LEDGER_FILE;
	if (s->flags & SEG_W)
		return LEDGER_DATA;
	return s->flags ? LEDGER_RODATA : LEDGER_NONE;
}

/*
 * Names of memory that is the process's own: huge pages, and the device. What is shared of the
 * device is memory of shm's, and called "/dev/zero (deleted)" (mm/shmem.c shmem_zero_setup).
 */
static bool is_private_memory(const struct filemap *named)
{
	return !strncmp(named->path, "/anon_hugepage", 14) || !strcmp(named->path, "/dev/zero");
}

/*
 * gcore says of what has no access rights that it can be read. Anonymous memory that can only be
 * read and has nothing in it but zeroes is of no other use.
 */
static bool has_no_access(const struct core *core, const struct segment *s)
{
	if (s->flags & (SEG_W | SEG_X))
		return false;
	return !(s->flags & SEG_R) || (core->kind == CORE_GCORE && !s->absent &&
	                               !core_resident(core, s->start, s->end));
}

/* Pages without a file: a module's .bss, the kernel's, or somebody's. */
static enum ledger_kind nameless_kind(const struct cutter *c, const struct segment *s, vaddr at,
                                      const struct module **module)
{
	const struct filemap *named = core_file(c->core, at);
	const struct module *m = module_at(c->modules, at);

	if (s->start == VSYSCALL || (c->vdso && range_holds(s->start, s->end, c->vdso, 1)))
		return LEDGER_VDSO;
	if (named && !is_private_memory(named))
		return LEDGER_SHARED;
	/* module.end may stop short of the pages behind .data: look just below, too. */
	if (!m && at)
		m = module_at(c->modules, at - 1);
	if (m && (s->flags & SEG_W) && at < round_up(m->data_end, c->core->page_size) &&
	    at >= round_down(m->data_start, c->core->page_size)) {
		*module = m;
		return LEDGER_BSS;
	}
	/* [vvar] and [vvar_vclock]: the kernel's pages right below the vdso */
	if (s->flags & SEG_R && !(s->flags & (SEG_W | SEG_X)) && c->vdso > at &&
	    c->vdso - at <= VVAR_REACH)
		return LEDGER_VVAR;
	return has_no_access(c->core, s) ? LEDGER_NONE : LEDGER_ANON;
}

static void add_rest(struct cutter *c, vaddr start, vaddr end, size_t segment)
{
	const struct segment *s = &c->core->seg[segment];
	const struct module *m = NULL;
	enum ledger_kind kind;

	if (s->file >= 0) {
		m = module_at(c->modules, start);
		kind = file_kind(c->core, s, m != NULL);
	} else {
		kind = nameless_kind(c, s, start, &m);
	}
	if (is_reserve(c, s, start)) {
		add(c, start, end, LEDGER_RESERVE, c->parts.v[c->parts.n - 1].owner, segment);
		return;
	}
	if (kind == LEDGER_BSS) {
		vaddr bss_end = round_up(m->data_end, c->core->page_size);

		if (bss_end < end) {
			add(c, start, bss_end, kind, (size_t)(m - c->modules->v), segment);
			start = bss_end;
			kind = LEDGER_ANON;
			m = NULL;
		}
	}
	add(c, start, end, kind, m ? (size_t)(m - c->modules->v) : LEDGER_NOBODY, segment);
}

/* Where the next owner with its own bounds begins, or the end of the segment. */
static vaddr next_owner(const struct cutter *c, vaddr at, vaddr end)
{
	vaddr next = end;

	if (c->span < c->heap->nspans && c->heap->span[c->span].own_start > at)
		next = lesser(next, c->heap->span[c->span].own_start);
	if (c->stack < c->stacks->n && c->stacks->v[c->stack].start > at)
		next = lesser(next, c->stacks->v[c->stack].start);
	return next;
}

static void cut_segment(struct cutter *c, size_t segment)
{
	const struct segment *s = &c->core->seg[segment];

	for (vaddr at = s->start; at < s->end;) {
		const struct span *span;
		const struct stack *stack;
		vaddr end;

		while (c->span < c->heap->nspans && c->heap->span[c->span].own_end <= at)
			c->span++;
		while (c->stack < c->stacks->n && c->stacks->v[c->stack].end <= at)
			c->stack++;
		span = c->span < c->heap->nspans ? &c->heap->span[c->span] : NULL;
		stack = c->stack < c->stacks->n ? &c->stacks->v[c->stack] : NULL;
		end = next_owner(c, at, s->end);
		if (span && span->own_start <= at) {
			end = lesser(s->end, span->own_end);
			add_span(c, at, end, segment);
		} else if (stack && stack->start <= at) {
			end = lesser(end, stack->end);
			add_stack(c, at, end, segment);
		} else {
			add_rest(c, at, end, segment);
		}
		at = end;
	}
}

void ledger_make(const struct core *core, const struct modules *modules, const struct heap *heap,
                 const struct stacks *stacks, struct ledger *out)
{
	struct cutter c = { .core = core, .modules = modules, .heap = heap, .stacks = stacks };

	if (!core_auxv(core, AT_SYSINFO_EHDR, &c.vdso))
		c.vdso = 0;
	for (size_t i = 0; i < core->nseg; i++)
		cut_segment(&c, i);
	*out = (struct ledger){ c.parts.v, c.parts.n };
}

void ledger_free(struct ledger *ledger)
{
	mem_free(ledger->v);
	*ledger = (struct ledger){ 0 };
}

size_t ledger_from(const struct ledger *ledger, vaddr at)
{
	size_t lo = first_behind(ledger->v, ledger->n, end, at);

	return lo;
}

const struct ledger_part *ledger_at(const struct ledger *ledger, vaddr at)
{
	size_t i = ledger_from(ledger, at);

	return i < ledger->n && ledger->v[i].start <= at ? &ledger->v[i] : NULL;
}
