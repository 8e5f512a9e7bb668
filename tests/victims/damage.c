/*
 * usage: damage [--free] MODE TRUTH
 *
 * Plants a heap of blocks whose truth is known (plan/truth.c), then damages it in one way, as a bug
 * of a program would, and dies. TRUTH names the damaged block (the note "damaged") and, where the
 * damage came from the block in front, that one ("front"), as decimal addresses. With --free the
 * process goes on to use malloc until glibc itself sees the damage and aborts.
 *
 * Linked with truth.c, get.c and park.c of plan/.
 */
#define _GNU_SOURCE
#include "plan/plan.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NEIGHBOURS = 1200, PIECES = 6, PIECE = 1104, HEAP_MAX = 64 << 20 };

static struct park end = PARK_NONE, pausing = PARK_NONE;
static uintptr_t front, target; /* complemented */
static pthread_barrier_t turn;

static NOINLINE void *raw(size_t size, enum truth_class class, const char *label)
{
	void *p = malloc(size);

	if (!p)
		die("no memory");
	__asm__ volatile("" : : "r"(p) : "memory"); /* its content is not ours, and stays */
	truth_add(p, size, class, label);
	return p;
}

/* Lists, trees and loose blocks, so that an error of the walk is seen in sizes and in reach. */
static NOINLINE void crowd(size_t n)
{
	const void *chain = NULL;

	truth_group();
	for (size_t i = 0; i < n; i++) {
		void *p = get(24 + dice() % 700, i % 50 == 7 ? T_DEFINITE : T_LIVE,
		              i % 50 == 7 ? "lone" : "crowd");

		if (i % 50 == 7)
			continue;
		put(p, 8, chain);
		chain = p;
		if (i % 16 == 15) {
			keep(chain);
			chain = NULL;
		}
	}
	if (chain)
		keep(chain);
}

/* Pieces that were freed and merged leave their headers within the block that comes after them. */
static NOINLINE void plant_stale(void)
{
	void *piece[PIECES];
	char *p;

	front = ~(uintptr_t)get_kept(72, "front");
	for (size_t i = 0; i < PIECES; i++)
		piece[i] = malloc(PIECE);
	get_kept(40, "behind");
	for (size_t i = 0; i < PIECES; i++) {
		memset(piece[i], 0x11 * (int)i, PIECE);
		free(piece[i]);
	}
	p = raw(PIECES * (PIECE + 16) - 16, T_LIVE, "target");
	keep(p);
	target = ~(uintptr_t)p;
}

static NOINLINE void plant_sized(size_t front_size, size_t size)
{
	front = ~(uintptr_t)get_kept(front_size, "front");
	target = ~(uintptr_t)get_kept(size, "target");
	get_kept(40, "behind");
}

/* `count` freed blocks of a size, each with a live one behind it; the target is number `which`. */
static NOINLINE void plant_freed(size_t size, size_t count, size_t which, const char *label)
{
	for (size_t i = 0; i < count; i++) {
		void *p;

		if (i == which)
			front = ~(uintptr_t)get_kept(72, "front");
		p = get(size, T_FREED, label);
		if (i == which)
			target = ~(uintptr_t)p;
		get_kept(40, "between");
	}
}

static NOINLINE void fill_tcache(size_t size, size_t entries)
{
	for (size_t i = 0; i < entries; i++)
		get(size, T_FREED, "fill");
	get_kept(24, "guard");
}

/* The words of the target, from its chunk header's size field on: word(-1) is the size. */
static volatile uint64_t *word(int i)
{
	return (volatile uint64_t *)~target + i;
}

static void zero_flag(void)
{
	*(volatile unsigned char *)word(-1) = 0;
}

/* ---- one function a mode: what is planted, and what is done at the end ---- */

static void size_garbage(void)
{
	word(-1)[0] = 0x4141414141414141;
}
static void overrun(void)
{
	memset((void *)(~target - 8), 'B', 64);
}
static void size_grown(void)
{
	word(-1)[0] += 0x40;
}
static void size_shrunk(void)
{
	word(-1)[0] = 0x61;
}
static void plant_nul(void)
{
	plant_sized(88, 0xf8);
}
static void plant_nul_size(void)
{
	plant_sized(88, 0x108);
}
static void plant_tcache(void)
{
	plant_freed(264, 5, 2, "freed");
}
static void link_garbage(void)
{
	word(0)[0] = 0x4242424242424242;
}
static void tcache_double(void)
{
	word(1)[0] = 0;
	free((void *)~target);
}
static void plant_fastbin(void)
{
	fill_tcache(104, 7);
	plant_freed(104, 3, 1, "freed");
}
static void fastbin_cycle(void)
{
	free((void *)~target);
}
static void plant_fastbin_cycle(void)
{
	fill_tcache(104, 7);
	plant_freed(104, 2, 0, "freed");
}
static void plant_unsorted(void)
{
	plant_freed(2000, 4, 1, "freed");
}
static void bk_garbage(void)
{
	word(1)[0] = 0x4343434343434343;
}
static void plant_small(void)
{
	fill_tcache(200, 16);
	plant_freed(200, 4, 1, "freed");
}
static void plant_large(void)
{
	plant_freed(3000, 4, 2, "freed");
}
static void prev_size(void)
{
	word(2000 / 8)[0] = 0x4444444444444444; /* the last usable word: 2008 bytes are usable */
}
static void plant_end(void)
{
	front = ~(uintptr_t)get_kept(600, "front");
	target = front - 608; /* complemented: 608 above */
}
static void top_garbage(void)
{
	word(-1)[0] = UINT64_MAX;
}
static void top_small(void)
{
	word(-1)[0] = 0x421;
}

static void *body(void *unused)
{
	(void)unused;
	crowd(NEIGHBOURS);
	target = ~((uintptr_t)get_kept(40, "in-arena") & ~(uintptr_t)(HEAP_MAX - 1));
	pthread_barrier_wait(&turn);
	scrub();
	park(&pausing);
}
static void plant_thread(void)
{
	pthread_t t;

	if (pthread_barrier_init(&turn, NULL, 2) || pthread_create(&t, NULL, body, NULL))
		die("pthread_create");
	pthread_barrier_wait(&turn);
	usleep(50000);
}
static void heap_info(void)
{
	memset((void *)~target, 'C', 32);
}

/* From here on the main arena grows in mappings, as its break is blocked. */
static void plant_blocked(void)
{
	uintptr_t end = ((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095;

	if (mmap((void *)end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
	         -1, 0) == MAP_FAILED)
		die("mmap");
	crowd(NEIGHBOURS);
	plant_sized(72, 600);
}

static const struct mode {
	const char *name;
	void (*plant)(void), (*damage)(void);
	bool has_front;
	size_t sort; /* request that sorts the unsorted list into bins */
} modes[] = {
	{ "size-garbage", plant_stale, size_garbage, true, 0 },
	{ "size-overrun", plant_stale, overrun, true, 0 },
	{ "size-in-mapping", plant_blocked, size_garbage, true, 0 },
	{ "size-grown", plant_stale, size_grown, true, 0 },
	{ "size-shrunk", plant_stale, size_shrunk, true, 0 },
	{ "nul", plant_nul, zero_flag, true, 0 },
	{ "nul-size", plant_nul_size, zero_flag, true, 0 },
	{ "tcache-next", plant_tcache, link_garbage, false, 0 },
	{ "tcache-double", plant_tcache, tcache_double, false, 0 },
	{ "fastbin-next", plant_fastbin, link_garbage, false, 0 },
	{ "fastbin-cycle", plant_fastbin_cycle, fastbin_cycle, false, 0 },
	{ "unsorted-bk", plant_unsorted, bk_garbage, false, 0 },
	{ "small-fd", plant_small, link_garbage, false, 60000 },
	{ "large-bk", plant_large, bk_garbage, false, 60000 },
	{ "prev-size", plant_unsorted, prev_size, false, 0 },
	{ "top-garbage", plant_end, top_garbage, true, 0 },
	{ "top-small", plant_end, top_small, true, 0 },
	{ "heap-info", plant_thread, heap_info, false, 0 },
};

static NOINLINE void plant(const struct mode *m)
{
	bool at_end = m->plant == plant_end;

	crowd(NEIGHBOURS);
	if (!at_end)
		m->plant();
	crowd(NEIGHBOURS);
	truth_free_all("fill");
	truth_free_all("freed");
	if (m->sort)
		get_kept(m->sort, "sorts-the-bins");
	if (at_end)
		m->plant();
}

/* A normal program's next steps: glibc sees most damage in one of them. */
static NOINLINE void go_on(const struct mode *m)
{
	void *volatile p;

	if (m->has_front && m->plant != plant_end)
		free((void *)~target);
	for (size_t size = 24; size < 70000; size += size / 3) {
		void *volatile q = malloc(size);

		p = malloc(size);
		free(q);
		free(p);
	}
	free((void *)~front);
}

int main(int argc, char **argv)
{
	bool go = argc == 4 && !strcmp(argv[1], "--free");
	const struct mode *m = modes, *stop = modes + sizeof(modes) / sizeof(*modes);

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (; m < stop; m++)
			puts(m->name);
		return 0;
	}
	if (argc != 3 + go)
		die("usage: damage [--free] MODE TRUTH");
	while (m < stop && strcmp(m->name, argv[1 + go]))
		m++;
	if (m == stop)
		die("no such mode; damage --list names them");
	truth_open(8000);
	get_open(8000);
	plant(m);
	truth_note("threads", m->plant == plant_thread ? 2 : 1);
	truth_note("exited", 0);
	truth_note("damaged", (uint64_t)~target);
	if (m->has_front)
		truth_note("front", (uint64_t)~front);
	truth_write(argv[2 + go]);
	m->damage();
	scrub();
	if (go)
		go_on(m);
	end.action = PARK_DIE;
	park(&end);
}
