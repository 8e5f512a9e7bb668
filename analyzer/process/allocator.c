/*
 * Whose malloc is it? ld.so calls malloc, calloc, realloc and free through pointers in its own data
 * (glibc 2.32 on: __rtld_malloc ..., elf/dl-minimal.c; before: its PLT's slots), which after start
 * hold what every library of the process got. Four of them into one module that is not libc: that
 * module took malloc's place. A pointer to the entry of the executable's PLT (programs that are not
 * position-independent have such) looks alike; the symbol table tells the two apart.
 */
#include "analyzer/process/allocator.h"

#include "formats/defined.h"
#include "heapwalk/foreign.h"

#include <stdlib.h>

#define AT_BASE 7 /* Linux include/uapi/linux/auxvec.h: where ld.so is */
#define SLOTS   4 /* malloc, calloc, realloc, free */

/* Symbols that tell who was linked in. Sanitizers hold parts of each other: the bigger ones first.
 */
static const struct {
	const char *symbol, *name;
	enum foreign_kind kind;
} marks[] = {
	{ "__hwasan_init", "HWAddressSanitizer", FOREIGN_MALLOC },
	{ "__asan_init", "AddressSanitizer", FOREIGN_MALLOC },
	{ "__msan_init", "MemorySanitizer", FOREIGN_MALLOC },
	{ "__tsan_init", "ThreadSanitizer", FOREIGN_MALLOC },
	{ "__lsan_init", "LeakSanitizer", FOREIGN_MALLOC },
	{ "__scudo_print_stats", "Scudo", FOREIGN_MALLOC },
	{ "mallctl", "jemalloc", FOREIGN_MALLOC },
	{ "je_mallctl", "jemalloc", FOREIGN_MALLOC },
	{ "_rjem_mallctl", "jemalloc", FOREIGN_MALLOC },
	{ "tc_malloc", "tcmalloc", FOREIGN_MALLOC },
	{ "MallocExtension_GetNumericProperty", "tcmalloc", FOREIGN_MALLOC },
	{ "TCMallocInternalMalloc", "tcmalloc", FOREIGN_MALLOC },
	{ "mi_malloc", "mimalloc", FOREIGN_MALLOC },
	{ "rpmalloc", "rpmalloc", FOREIGN_MALLOC },
	{ "scalable_malloc", "TBB malloc", FOREIGN_MALLOC },
	{ "_ZN2v87Isolate10GetCurrentEv", "V8", FOREIGN_BESIDE },
	{ "PyObject_Malloc", "CPython", FOREIGN_BESIDE },
	{ "malloc", NULL, FOREIGN_MALLOC }, /* the last: only that there is one */
};

#define MARKS (sizeof(marks) / sizeof(*marks))

struct finder {
	const struct core *core;
	struct modules *modules;
	const struct heap *heap;
	size_t provider;  /* of malloc: index of its module; modules->n: not known */
	bool interpreter; /* there is an ld.so */
	ARRAY(struct allocator) found;
};

const char *allocator_role_name(enum allocator_role role)
{
	static const char *const names[] = {
		[ALLOCATOR_MALLOC] = "malloc",
		[ALLOCATOR_BESIDE] = "beside",
		[ALLOCATOR_MAPPED] = "mapped",
	};

	return names[role];
}

/* One name counts once, in its strongest role. */
static void add(struct finder *f, const char *name, enum allocator_role role,
                const struct module *module)
{
	struct allocator one = { name, role, module ? module->path : NULL };

	for (size_t i = 0; i < f->found.n; i++) {
		struct allocator *a = &f->found.v[i];

		if (strcmp(a->name, name))
			continue;
		if (role < a->role)
			*a = one;
		return;
	}
	array_push(&f->found, one);
}

/* ---- whose malloc ---- */

static bool is_code(const struct core *core, vaddr at)
{
	const struct segment *s = core_segment(core, at);

	return s && !s->absent && (s->flags & SEG_X);
}

/* libpthread: before glibc 2.34 ld.so has pointers to its locks. */
static bool is_glibc(const struct module *m)
{
	static const char *const names[] = { "libc.so.6", "libc-2.", "libpthread" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(base_name(m->path), names[i], strlen(names[i])))
			return true;
	return false;
}

struct votes {
	vaddr target[SLOTS];
	unsigned n; /* different targets, at most SLOTS */
};

static void vote(struct votes *v, vaddr target)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->target[i] == target)
			return;
	if (v->n < SLOTS)
		v->target[v->n++] = target;
}

static size_t most_votes(const struct finder *f, const struct votes *votes)
{
	size_t best = f->modules->n;

	for (size_t i = 0; i < f->modules->n; i++) {
		if (votes[i].n < SLOTS)
			continue;
		if (!is_glibc(&f->modules->v[i]))
			return i;
		best = i;
	}
	return best;
}

static size_t find_provider(const struct finder *f, const struct module *linker)
{
	struct votes *votes = mem_alloc(f->modules->n, sizeof(*votes));
	struct view view = { .core = f->core };
	unsigned word = f->core->machine->word;
	uint64_t entry = 0, target;
	size_t provider;

	core_auxv(f->core, 9 /* AT_ENTRY */, &entry);
	for (vaddr at = round_up(linker->data_start, word);
	     at < linker->data_end && linker->data_end - at >= word; at += word) {
		const struct module *m;

		if (!view_read_word(&view, at, &target, word) || target == entry)
			continue;
		m = module_at(f->modules, target);
		if (m && m != linker && is_code(f->core, target))
			vote(&votes[m - f->modules->v], target);
	}
	provider = most_votes(f, votes);
	mem_free(votes);
	return provider;
}

/* ---- who is there ---- */

/* The role of one that is made to be the malloc. */
static enum allocator_role role_of(const struct finder *f, size_t module)
{
	if (f->provider < f->modules->n)
		return f->provider == module ? ALLOCATOR_MALLOC : ALLOCATOR_MAPPED;
	return f->heap->nspans || f->core->truncated ? ALLOCATOR_MAPPED : ALLOCATOR_MALLOC;
}

static enum allocator_role role_by_kind(const struct finder *f, size_t module,
                                        enum foreign_kind kind)
{
	switch (kind) {
	case FOREIGN_MALLOC:
		return role_of(f, module);
	case FOREIGN_LIBC:
	case FOREIGN_CHECKER:
		return f->heap->nspans ? ALLOCATOR_BESIDE : ALLOCATOR_MALLOC;
	case FOREIGN_BESIDE:
		break;
	}
	return ALLOCATOR_BESIDE;
}

static void by_file(struct finder *f, size_t module)
{
	const struct module *m = &f->modules->v[module];
	const struct foreign *who = foreign_by_file(m->path);

	if (who)
		add(f, who->name, role_by_kind(f, module, who->kind), m);
}

static void by_structure(struct finder *f, size_t module)
{
	const struct module *m = &f->modules->v[module];
	enum allocator_role role = f->heap->nspans ? ALLOCATOR_BESIDE : ALLOCATOR_MALLOC;

	if (m->data_start >= m->data_end)
		return;
	if (foreign_go(f->core, m->data_start, m->data_end))
		add(f, "Go", role, m);
}

/* A static program of musl's: no file tells. Of several threads the first must do. */
static void by_thread(struct finder *f)
{
	const struct modules *modules = f->modules;

	if (f->core->nthreads && modules->exe < modules->n && !f->core->machine->tls_above &&
	    foreign_musl(f->core, f->heap->tp[0]))
		add(f, "musl", role_by_kind(f, modules->exe, FOREIGN_LIBC),
		    &modules->v[modules->exe]);
}

/* What is linked into a program is not merely mapped: it serves those who call it by its names. */
static void add_mark(struct finder *f, size_t module, size_t mark)
{
	enum allocator_role role = role_by_kind(f, module, marks[mark].kind);

	if (role == ALLOCATOR_MAPPED)
		role = ALLOCATOR_BESIDE;
	add(f, marks[mark].name, role, &f->modules->v[module]);
}

static bool has_malloc_named(const struct finder *f)
{
	for (size_t i = 0; i < f->found.n; i++)
		if (f->found.v[i].role == ALLOCATOR_MALLOC)
			return true;
	return false;
}

/* A malloc whose maker is unknown. Where glibc's is in use as well it may stand before that one. */
static void add_unknown(struct finder *f, size_t module)
{
	const struct module *m = &f->modules->v[module];
	bool exe = module == f->modules->exe;
	const char *name = exe ? "its own malloc"
	                       : (const char *)pool_printf(&f->modules->pool, "the malloc of %s",
	                                                   base_name(m->path));

	if (!has_malloc_named(f))
		add(f, name, f->heap->nspans ? ALLOCATOR_BESIDE : ALLOCATOR_MALLOC, m);
}

static void by_symbols(struct finder *f, size_t module)
{
	const char *names[MARKS];
	bool provider = f->provider == module;
	bool defines = provider && (module != f->modules->exe || !f->heap->nspans);
	uint64_t found = 0;

	for (size_t i = 0; i < MARKS; i++)
		names[i] = marks[i].symbol;
	if (module_defines(f->modules, &f->modules->v[module], names, MARKS, &found)) {
		defines = found >> (MARKS - 1) & 1;
		if (provider && !defines) /* the entry of its PLT */
			f->provider = f->modules->n, provider = false;
	}
	for (size_t i = 0, malloc_seen = 0; i + 1 < MARKS; i++) {
		bool is_malloc = marks[i].kind != FOREIGN_BESIDE;

		if (!(found >> i & 1) || (is_malloc && malloc_seen))
			continue;
		add_mark(f, module, i);
		malloc_seen |= is_malloc;
	}
	if (!defines || is_glibc(&f->modules->v[module]) ||
	    foreign_by_file(f->modules->v[module].path))
		return;
	if (provider || (!f->interpreter && !f->heap->ninstances))
		add_unknown(f, module);
}

static int by_role(const void *a, const void *b)
{
	const struct allocator *x = a, *y = b;

	return x->role != y->role ? (int)x->role - (int)y->role : strcmp(x->name, y->name);
}

/* Our own library that keeps allocation sites stands before the malloc that it calls. */
static bool hands_on(const struct module *m)
{
	static const char name[] = "libcoreheap_sites.so";

	return !strncmp(base_name(m->path), name, sizeof(name) - 1);
}

void allocators_find(const struct core *core, struct modules *modules, const struct heap *heap,
                     struct allocators *out)
{
	struct finder f = {
		.core = core, .modules = modules, .heap = heap, .provider = modules->n
	};
	const struct module *linker;
	uint64_t base;

	if (core_auxv(core, AT_BASE, &base) && base && (linker = module_at(modules, base))) {
		const struct foreign *who = foreign_by_file(linker->path);

		f.interpreter = true;
		if (!who || who->kind != FOREIGN_LIBC)
			f.provider = find_provider(&f, linker);
	}
	if (f.provider < modules->n && hands_on(&modules->v[f.provider]))
		f.provider = modules->n;
	if (f.provider < modules->n)
		by_symbols(&f, f.provider);
	if (modules->exe < modules->n && modules->exe != f.provider)
		by_symbols(&f, modules->exe);
	for (size_t i = 0; i < modules->n; i++) {
		by_file(&f, i);
		by_structure(&f, i);
	}
	by_thread(&f);
	if (foreign_valgrind(core))
		add(&f, "valgrind", role_by_kind(&f, modules->n, FOREIGN_CHECKER), NULL);
	if (f.found.n)
		qsort(f.found.v, f.found.n, sizeof(*f.found.v), by_role);
	*out = (struct allocators){ f.found.v, f.found.n };
}

void allocators_free(struct allocators *allocators)
{
	mem_free(allocators->v);
	*allocators = (struct allocators){ 0 };
}

const struct allocator *allocators_malloc(const struct allocators *allocators)
{
	if (!allocators->n || allocators->v[0].role != ALLOCATOR_MALLOC)
		return NULL;
	return &allocators->v[0];
}
