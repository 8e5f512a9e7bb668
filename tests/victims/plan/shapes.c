/* Leaks by shape, and a population of loose blocks around them. */
#include "plan.h"

#include <malloc.h>
#include <string.h>

/* Links sit in the last word that a block may use, which is the next chunk's first. */
static void link_last(void *from, size_t usable, const void *to)
{
	put(from, usable - sizeof(to), to);
}

static NOINLINE void chain(size_t blocks)
{
	void *prev = get(40, T_DEFINITE, "chain");

	for (size_t i = 1; i < blocks; i++) {
		void *next = get(40, T_INDIRECT, "chain");

		if (i % 2)
			link_last(prev, malloc_usable_size(prev), next);
		else
			put(prev, 0, next);
		prev = next;
	}
}

/* Built from the tail, so that the head is not the first by address. */
static NOINLINE void chain_backwards(size_t blocks)
{
	void *next = NULL;

	while (blocks--) {
		void *p = get(56, blocks ? T_INDIRECT : T_DEFINITE, "chain-backwards");

		put(p, 16, next);
		next = p;
	}
}

static NOINLINE void *ring(size_t blocks, size_t size, enum truth_class class, const char *label)
{
	void *first = get(size, class, label), *prev = first;

	for (size_t i = 1; i < blocks; i++) {
		void *next = get(size, class, label);

		put(prev, 8, next);
		prev = next;
	}
	put(prev, 8, first);
	return first;
}

static NOINLINE void *tree(unsigned depth, bool root)
{
	void *p = get(72, root ? T_DEFINITE : T_INDIRECT, "tree");

	for (size_t i = 0; depth && i < 2; i++)
		put(p, i * 8, tree(depth - 1, false));
	return p;
}

/* With a pointer back to the parent the whole tree is one cycle: any of it may be the head. */
static NOINLINE void *tree_with_parents(unsigned depth, const void *parent)
{
	void *p = get(88, T_LEAKED, "tree-with-parents");

	put(p, 32, parent);
	for (size_t i = 0; depth && i < 3; i++)
		put(p, i * 8, tree_with_parents(depth - 1, p));
	return p;
}

static NOINLINE void shared_tail(void)
{
	void *tail = get(24, T_INDIRECT, "shared-tail"), *more = get(24, T_INDIRECT, "shared-tail");

	put(tail, 0, more);
	for (int i = 0; i < 3; i++)
		put(get(200, T_DEFINITE, "shared-tail-head"), 104, tail);
}

/* A head outside a ring: the ring is held by it, so none of the ring is definite. */
static NOINLINE void rho(void)
{
	void *head = get(312, T_DEFINITE, "rho-head");

	put(head, 152, ring(5, 24, T_INDIRECT, "rho-ring"));
}

/* Two rings, the first holds the second: only the first has a head. */
static NOINLINE void ring_holds_ring(void)
{
	void *second = ring(4, 56, T_INDIRECT, "ring-held-by-ring");
	void *first = ring(4, 56, T_LEAKED, "ring-holding-ring");

	put(first, 40, second);
}

static NOINLINE void itself(void)
{
	void *p = get(48, T_DEFINITE, "points-to-itself");

	put(p, 24, p);
	put(p, 32, (char *)p + 8);
}

/* Among leaked blocks an interior pointer holds as well as a start pointer does. */
static NOINLINE void interior_link(void)
{
	void *p = get(64, T_DEFINITE, "interior-link");

	put(p, 0, (char *)get(160, T_INDIRECT, "interior-link") + 24);
}

static NOINLINE void leaked_holds_live(void)
{
	void *live = get_kept(120, "held-by-leaked-too");

	put(get(120, T_DEFINITE, "leaked-holding-live"), 0, live);
}

/* What does not hold: a word off its alignment, the address after the last byte. */
static NOINLINE void almost_pointers(void)
{
	char *holder = get_kept(72, "holder-of-no-pointer");
	void *off = get(1000, T_DEFINITE, "held-by-unaligned-word");
	void *after = get(184, T_DEFINITE, "held-by-address-after-end");

	memset(holder, 0, 72);
	/* which makes no address of the words that it covers: its upper bytes are in the second */
	memcpy(holder + 8 + sizeof(off) - 1, &off, sizeof(off));
	put(holder, 32, (char *)after + malloc_usable_size(after));
}

NOINLINE void plant_shapes(void)
{
	truth_group();
	chain(12);
	truth_group();
	chain_backwards(7);
	for (size_t n = 2; n < 6; n++) {
		truth_group();
		ring(n * n - 2, 16 * n + 8, T_LEAKED, "ring");
	}
	truth_group();
	tree(4, true);
	truth_group();
	tree_with_parents(3, NULL);
	truth_group();
	shared_tail();
	rho();
	truth_group();
	ring_holds_ring();
	truth_group();
	itself();
	interior_link();
	leaked_holds_live();
	almost_pointers();
}

NOINLINE void plant_bulk(size_t blocks)
{
	truth_group();
	for (size_t i = 0; i < blocks; i++) {
		uint32_t d = dice();
		size_t size = d % 8 ? d / 8 % 400 : d / 8 % 6000;

		switch (dice() % 3) {
		case 0:
			get(size, T_DEFINITE, "bulk");
			break;
		case 1:
			get_kept(size, "bulk");
			break;
		default:
			get(size, T_FREED, "bulk");
		}
	}
}
