/*
 * A deterministic leaky program, for comparing what leak detectors say about the same leaks.
 *
 * usage: leaky [abort|count]
 *
 * Ends by itself, by SIGABRT, or (built with -DCLIENT=1) asks memcheck and prints what that counts:
 * bytes that are leaked, possibly lost, reachable, suppressed.
 *
 * All sizes are 16k + 8 and below malloc's limit for mappings of their own, so that glibc's usable
 * size is the requested size, and bytes compare.
 * The blocks that live are held by start pointers from .bss. Leaks: single blocks, a chain, a tree,
 * a ring, two heads with a shared tail. No address of a leaked block stays in .bss, on the used
 * stack or in a register. With -DPOSSIBLE=1 some blocks are held by interior pointers only, which
 * is where the detectors differ.
 */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#ifndef POSSIBLE
#define POSSIBLE 0
#endif

enum { LIVE = 40, INSIDE = 5 };
static void *volatile held[LIVE];
static void *volatile inside[INSIDE];

static NOINLINE void *block(size_t size)
{
	void *p = malloc(size);

	if (!p)
		_exit(2);
	memset(p, 0, size);
	return p;
}

static NOINLINE void put(void *holder, size_t offset, void *target)
{
	memcpy((char *)holder + offset, &target, sizeof(target));
}

static NOINLINE void live(void)
{
	for (size_t i = 0; i < LIVE; i++)
		held[i] = block(24 + 16 * (i * i % 70));
	put(held[3], 8, block(72));
}

static NOINLINE void singles(void)
{
	for (size_t i = 0; i < 50; i++)
		block(24 + 16 * i);
	block(50008);
	block(120008);
}

static NOINLINE void chain(void)
{
	void *head = block(40), *p = head;

	for (int i = 0; i < 9; i++) {
		void *next = block(40);

		put(p, 32, next);
		p = next;
	}
}

static NOINLINE void *tree(int depth)
{
	void *p = block(56);

	for (size_t i = 0; depth && i < 2; i++)
		put(p, 8 * i, tree(depth - 1));
	return p;
}

static NOINLINE void ring(void)
{
	void *first = block(88), *p = first;

	for (int i = 0; i < 6; i++) {
		void *next = block(88);

		put(p, 16, next);
		p = next;
	}
	put(p, 16, first);
}

static NOINLINE void shared_tail(void)
{
	void *tail = block(1000);

	for (int i = 0; i < 2; i++)
		put(block(504), 0, tail);
}

static NOINLINE void possible(void)
{
	for (size_t i = 0; i < INSIDE; i++) {
		char *p = block(120);

		put(p, 0, block(136));
		inside[i] = p + 8 + 16 * i;
	}
}

static NOINLINE void scrub(void)
{
	char *dead = alloca(64 << 10);

	memset(dead, 0, 64 << 10);
	__asm__ volatile("" : : "r"(dead) : "memory");
}

static NOINLINE void leak(void)
{
	live();
	singles();
	chain();
	tree(4);
	ring();
	shared_tail();
	if (POSSIBLE)
		possible();
}

#if CLIENT
#include <valgrind/memcheck.h>

static void count(void)
{
	unsigned long leaked = 0, possibly = 0, reachable = 0, suppressed = 0;

	VALGRIND_DO_LEAK_CHECK;
	VALGRIND_COUNT_LEAKS(leaked, possibly, reachable, suppressed);
	printf("%lu %lu %lu %lu\n", leaked, possibly, reachable, suppressed);
}
#else
static void count(void)
{
}
#endif

int main(int argc, char **argv)
{
	leak();
	scrub();
	if (argc > 1 && !strcmp(argv[1], "abort"))
		abort();
	if (argc > 1 && !strcmp(argv[1], "count"))
		count();
	return 0;
}
