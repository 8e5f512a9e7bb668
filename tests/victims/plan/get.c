/* Allocation with its declaration; what holds blocks; dice that fall the same each run. */
#define _GNU_SOURCE
#include "plan.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const void *volatile *slot;
static size_t slots, slot_count;
static uint32_t seed = 12345;

void die(const char *what)
{
	static const char me[] = "victim: ";

	if (write(2, me, sizeof(me) - 1) < 0 || write(2, what, strlen(what)) < 0 ||
	    write(2, "\n", 1) < 0)
		_exit(2);
	_exit(1);
}

/* Does a multiple of 4 GiB lie less than `below` bytes below p, or less than `above` above it?
 * The halves of addresses under 4 GiB are numbers, and small ones. */
static bool near_halves(const void *p, uint64_t below, uint64_t above)
{
	uint64_t at = (uintptr_t)p, low = at & UINT32_MAX;

	return at > UINT32_MAX && (low < below || low > UINT32_MAX - above);
}

void lie_elsewhere(char **argv)
{
	static const char name[] = "PLAN_MOVED";
	static const char most[] = "once more, once more, once more, once more";
	const char *moved = getenv(name);
	size_t times = moved ? strlen(moved) : 0;
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t mib = 1 << 20;

	bool near = near_halves(page, 3072 * mib, 64 * mib) ||
	            near_halves(sbrk(0), 64 * mib, 512 * mib);

	if (near && times < sizeof(most) - 1) {
		setenv(name, most + sizeof(most) - 2 - times, 1);
		execv(argv[0], argv);
	}
	munmap(page, 4096);
}

void get_open(size_t n)
{
	slot = mmap(NULL, n * sizeof(*slot), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	            -1, 0);
	if (slot == MAP_FAILED)
		die("mmap of the slots");
	slots = n;
}

uint32_t dice(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/*
 * The block is filled, so that no stale pointer of an earlier owner lives on in it; large ones stay
 * untouched but for where malloc links free chunks, which keeps the core small.
 */
NOINLINE void *own(void *p, size_t requested, enum truth_class class, const char *label)
{
	size_t usable;

	if (!p)
		die("no memory");
	usable = malloc_usable_size(p);
	__asm__ volatile("" : "+r"(p));
	memset(p, 0xee, usable <= 1u << 20 ? usable : 64);
	truth_add(p, requested, class, label);
	return p;
}

NOINLINE void *get(size_t requested, enum truth_class class, const char *label)
{
	return own(malloc(requested), requested, class, label);
}

NOINLINE void put(void *holder, size_t offset, const void *target)
{
	*(const void *volatile *)((char *)holder + offset) = target;
}

NOINLINE void keep(const void *p)
{
	if (slot_count == slots)
		die("no slot left");
	slot[slot_count++] = p;
}

NOINLINE void *get_kept(size_t requested, const char *label)
{
	void *p = get(requested, T_LIVE, label);

	keep(p);
	return p;
}
