#include "analyzer/process/busy.h"

#include "formats/unwind.h"

enum { THREADS_MAX = 64, FRAMES_MAX = 16 };

/*
 * The functions of glibc 2.17 to 2.43 (malloc/malloc.c, malloc/arena.c) that change lists or are
 * between a list and the caller; without "__GI_" and "__libc_" in front.
 */
static const char *const names[] = {
	"malloc",
	"free",
	"calloc",
	"realloc",
	"memalign",
	"aligned_alloc",
	"posix_memalign",
	"valloc",
	"pvalloc",
	"malloc_trim",
	"__malloc_trim",
	"_int_malloc",
	"_int_free",
	"_int_realloc",
	"_int_memalign",
	"_mid_memalign",
	"_int_free_chunk",
	"_int_free_merge_chunk",
	"_int_free_create_chunk",
	"_int_free_maybe_consolidate",
	"_int_free_maybe_trim",
	"malloc_consolidate",
	"unlink_chunk",
	"sysmalloc",
	"systrim",
	"mtrim",
	"heap_trim",
	"grow_heap",
	"shrink_heap",
	"munmap_chunk",
	"mremap_chunk",
	"tcache_get",
	"tcache_put",
	"tcache_init",
	"tcache_key_initialize",
	"tcache_thread_shutdown",
	"__malloc_arena_thread_freeres",
	"tcache_malloc_init",
	"tcache_calloc_init",
	"tcache_realloc_init",
	"tcache_free_init",
	"malloc_tcache",
	"tcache_get_large",
	"tcache_put_large",
	"calloc2",
	"__malloc2",
	"_int_new_arena",
	"arena_get2",
	"malloc_printerr",
};

static const char *without(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) ? name : name + n;
}

/* Its name in malloc; NULL: none of malloc's. */
static const char *malloc_name(const char *raw)
{
	const char *name = without(without(raw, "__GI_"), "__libc_");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t n = strlen(names[i]);

		/* gcc's clones: "_int_free.part.0" */
		if (!strncmp(name, names[i], n) && (!name[n] || name[n] == '.'))
			return names[i];
	}
	return NULL;
}

/* The module that holds the malloc of the process, at pc; NULL: pc is in none, or it has no file.
 */
static const struct module *malloc_module(struct analysis *a, vaddr pc)
{
	const struct heap *heap = analysis_heap(a);
	const struct module *m = module_at(analysis_modules(a), pc);

	if (!m || !m->file)
		return NULL;
	for (size_t i = 0; i < heap->ninstances; i++) {
		if (heap->instance[i].used &&
		    module_at(&a->modules, heap->instance[i].main_arena) == m)
			return m;
	}
	return NULL;
}

/* Is the instruction before pc a system call, for which most threads wait? */
static bool behind_syscall(struct analysis *a, vaddr pc)
{
	static const uint8_t syscall[] = { 0x0f, 0x05 }, int_80[] = { 0xcd, 0x80 },
			     svc_0[] = { 0x01, 0x00, 0x00, 0xd4 };
	uint8_t code[4];

	if (!module_read(a->core, &a->modules, pc - sizeof(code), code, sizeof(code)))
		return false;
	if (a->core->machine->dwarf_link != MACHINE_NO_REG)
		return !memcmp(code, svc_0, sizeof(svc_0));
	return !memcmp(code + 2, syscall, 2) || !memcmp(code + 2, int_80, 2);
}

/* Which of malloc's functions the thread was in. */
static void look(struct analysis *a, size_t thread, const struct module *m, struct busy *out)
{
	struct frame frame[FRAMES_MAX];
	const char *inner = NULL, *outer = NULL, *why;
	bool consolidating = false;
	size_t n = unwind_thread(a->core, &a->modules, thread, frame, FRAMES_MAX, &why);

	for (size_t i = 0; i < n; i++) {
		const char *name;
		struct symbol s;

		if (frame[i].trampoline || module_at(&a->modules, frame[i].pc) != m)
			continue;
		module_symbol(a->core, &a->modules, frame[i].pc, !frame[i].activation, &s);
		if (s.raw && !inner && strstr(s.raw, "lll_lock_wait"))
			return; /* for another thread, and has changed nothing yet */
		name = s.raw ? malloc_name(s.raw) : NULL;
		if (!name)
			continue;
		inner = inner ? inner : name;
		outer = name;
		consolidating |= !strcmp(name, "malloc_consolidate");
	}
	if (!inner)
		return;
	if (!out->threads++) {
		out->tid = a->core->thread[thread].tid;
		out->inner = inner;
		out->outer = without(without(outer, "_mid_"), "__");
	}
	out->consolidating |= consolidating;
}

/* mutex is the first field of malloc_state in all releases: 1 is held, 2 is held and waited for
 * (sysdeps/nptl/lowlevellock.h). */
static void find_locks(struct analysis *a, struct busy *out)
{
	const struct heap *heap = analysis_heap(a);
	uint32_t mutex;

	for (size_t i = 0; i < heap->narenas; i++) {
		const struct instance *of = &heap->instance[heap->arena[i].instance];

		if ((of->lost && heap->arena[i].main) ||
		    !core_read32(a->core, heap->arena[i].addr, &mutex) ||
		    (mutex != 1 && mutex != 2))
			continue;
		if (!out->locked++)
			out->arena = i;
	}
}

void busy_find(struct analysis *a, struct busy *out)
{
	const struct core *core = a->core;
	const struct module *m;
	size_t looked = 0;

	*out = (struct busy){ 0 };
	find_locks(a, out);
	for (size_t i = 0; i < core->nthreads && looked < THREADS_MAX; i++) {
		vaddr pc = thread_pc(core, i);

		m = malloc_module(a, pc);
		if (!m || (!out->locked && behind_syscall(a, pc)))
			continue;
		looked++;
		look(a, i, m, out);
	}
}
