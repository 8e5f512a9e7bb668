/*
 * A stand-in for libc's file and its debug information: the text that names the release, and the
 * structs of malloc with the members that a debugger would look for where glibc 2.35 to 2.41 have
 * them. OTHER puts something new into each.
 */
#include <stddef.h>

#ifdef OTHER
#define NEW(name) long name;
#else
#define NEW(name)
#endif

const char banner[] = "GNU C Library (a stand-in) stable release version " RELEASE ".\n";

struct malloc_state {
	int lock, flags, have_fastchunks;
	NEW(news)
	void *fastbinsY[10], *top, *last_remainder, *bins[254];
	unsigned binmap[4];
	struct malloc_state *next, *next_free;
	size_t attached_threads, system_mem, max_system_mem;
};

struct malloc_par {
	unsigned long trim_threshold;
	size_t top_pad, mmap_threshold, arena_test, arena_max, thp_pagesize, hp_pagesize;
	int hp_flags, n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold;
	NEW(news)
	size_t mmapped_mem, max_mmapped_mem;
	char *sbrk_base;
	size_t tcache_bins, tcache_max_bytes, tcache_count, tcache_unsorted_limit;
};

struct tcache_perthread_struct {
	unsigned short counts[64];
	NEW(news)
	void *entries[64];
};

struct malloc_state main_arena;
struct malloc_par mp;
struct tcache_perthread_struct *tcache;

void *__libc_malloc(size_t size)
{
	return (char *)tcache + size;
}
