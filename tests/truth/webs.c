/*
 * webs: leaks a web of blocks, says what hangs on whom, and aborts. For each head of a leak (the
 * sizes of those that are told of are all different):
 *	size, blocks and bytes that go with it, blocks and bytes that it shares, heads of all these
 * and last `all`, blocks, bytes of what is shared by anybody.
 *
 * With `kept` behind, heads hang on global variables, so that nothing leaks: what goes with them
 * is the same.
 *	webs planted          webs whose answers are written down here
 *	webs random N SEED    N blocks, pointers from anywhere to anywhere, up to 4 in each
 *	webs big N SEED       N blocks; the first tenth are heads of trees, rings and shared things
 *
 * What hangs on whom is found as it is defined: a block goes with a head if, the head left out, no
 * other head leads to it. Nothing that the program remembers by is left in memory when it aborts.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EDGES 4
#define TOLD  12 /* heads that are told of, of a big web */

struct node {
	uint64_t *p;
	size_t size; /* usable */
	uint32_t to[EDGES], n;
	uint8_t head, told;
};

static struct node *node;
static uint32_t nodes, *queue;
static uint8_t *met;
static char **arg;
uint64_t *kept[2000]; /* heads */
static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static uint32_t block(size_t size)
{
	struct node *v = &node[nodes];

	v->p = calloc(1, size);
	if (!v->p)
		exit(1);
	v->size = malloc_usable_size(v->p);
	return nodes++;
}

/* A word of one holds the address of another, of its first byte or of one within. */
static void point(uint32_t from, uint32_t to)
{
	struct node *v = &node[from];

	if (v->n == EDGES || (v->n + 1) * 8 > v->size)
		return;
	v->p[v->n] = (uint64_t)(uintptr_t)node[to].p + (rnd(4) ? 0 : rnd((uint32_t)node[to].size));
	v->to[v->n++] = to;
}

/* ---- what hangs on whom ---- */

/* Marks what leads from here on, unless it is marked or `without`; returns how many are new. */
static uint32_t flood(uint32_t from, uint32_t without, uint8_t mark)
{
	uint32_t n = 0;

	if (from == without || met[from] & mark)
		return 0;
	met[from] |= mark;
	queue[n++] = from;
	for (uint32_t i = 0; i < n; i++) {
		const struct node *v = &node[queue[i]];

		for (uint32_t e = 0; e < v->n; e++)
			if (v->to[e] != without && !(met[v->to[e]] & mark)) {
				met[v->to[e]] |= mark;
				queue[n++] = v->to[e];
			}
	}
	return n;
}

/* Heads of a small web: nobody leads there but whom it leads to itself, and of those the lowest. */
static void find_heads(void)
{
	uint8_t *leads = map((size_t)nodes * nodes);

	for (uint32_t v = 0; v < nodes; v++) {
		memset(met, 0, nodes);
		flood(v, UINT32_MAX, 1);
		memcpy(leads + (size_t)v * nodes, met, nodes);
	}
	for (uint32_t v = 0; v < nodes; v++) {
		node[v].head = 1;
		for (uint32_t u = 0; u < nodes; u++)
			if (u != v && leads[(size_t)u * nodes + v] &&
			    (!leads[(size_t)v * nodes + u] || node[u].p < node[v].p))
				node[v].head = 0;
		node[v].told = node[v].head;
	}
	munmap(leads, (size_t)nodes * nodes);
}

/* Heads that lead to a block that is marked 4, by asking all blocks until no answer changes. */
static uint64_t count_sharers(void)
{
	uint64_t n = 0;
	int changed;

	do {
		changed = 0;
		for (uint32_t v = nodes; v-- > 0;)
			for (uint32_t e = 0; e < node[v].n && !(met[v] & 4); e++)
				if (met[node[v].to[e]] & 4) {
					met[v] |= 4;
					changed = 1;
				}
	} while (changed);
	for (uint32_t h = 0; h < nodes; h++)
		n += node[h].head && met[h] & 4;
	return n;
}

/* Marks: 1: another head leads there; 2: this one does; 4: both. */
static void tell(uint32_t head)
{
	uint64_t own = 0, own_bytes = 0, shared = 0, shared_bytes = 0;

	memset(met, 0, nodes);
	for (uint32_t h = 0; h < nodes; h++)
		if (node[h].head)
			flood(h, head, 1);
	flood(head, UINT32_MAX, 2);
	for (uint32_t v = 0; v < nodes; v++) {
		if (!(met[v] & 1)) {
			own++;
			own_bytes += node[v].size;
		} else if (met[v] & 2) {
			shared++;
			shared_bytes += node[v].size;
			met[v] |= 4;
		}
	}
	printf("%zu %llu %llu %llu %llu %llu\n", node[head].size, (unsigned long long)own,
	       (unsigned long long)own_bytes, (unsigned long long)shared,
	       (unsigned long long)shared_bytes, (unsigned long long)count_sharers());
}

/* What two heads or more lead to: what is left of each flood when it meets an earlier one's. */
static void tell_all(void)
{
	uint64_t shared = 0, bytes = 0;
	uint32_t *by = map(nodes * sizeof(*by));

	for (uint32_t h = 0; h < nodes; h++) { /* by: 0 nobody's, 1 + head, UINT32_MAX several */
		uint32_t n = 0;

		if (!node[h].head)
			continue;
		by[h] = h + 1;
		queue[n++] = h;
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t e = 0; e < node[queue[i]].n; e++) {
				uint32_t to = node[queue[i]].to[e];

				if (by[to] == UINT32_MAX || by[to] == h + 1)
					continue;
				by[to] = by[to] ? UINT32_MAX : h + 1;
				queue[n++] = to;
			}
	}
	for (uint32_t v = 0; v < nodes; v++)
		if (by[v] == UINT32_MAX) {
			shared++;
			bytes += node[v].size;
		}
	munmap(by, nodes * sizeof(*by));
	printf("all %llu %llu\n", (unsigned long long)shared, (unsigned long long)bytes);
}

/* ---- webs ---- */

static void random_web(uint32_t n)
{
	uint32_t pointers;

	for (uint32_t i = 0; i < n; i++) /* 280: a thread's own, of glibc */
		block(24 + 16 * (size_t)(i + (i >= 16)));
	for (uint32_t i = 0; i < n; i++) /* sparse, or there would be few heads */
		for (pointers = rnd(8) ? rnd(2) : rnd(EDGES + 1); pointers--;)
			point(i, rnd(2) ? rnd(n) : (i + 1) % n);
	find_heads();
}

/*
 * Heads first, and what hangs on them behind. Nobody leads back to a head but, in one of ten, a
 * block that hangs on it alone: a ring, whose head it is by its address.
 */
static void big_web(uint32_t n)
{
	uint32_t heads = n / 10;

	for (uint32_t i = 0; i < n; i++) {
		block(i < TOLD ? 1000 + 16 * (size_t)i : 40);
		node[i].head = i < heads;
		node[i].told = i < TOLD;
	}
	for (uint32_t i = heads; i < n; i++) {
		uint32_t from = rnd(3) ? (i - heads) % heads : rnd(i);

		while (node[from].n == EDGES)
			from = rnd(i);
		point(from, i);
		if (!rnd(16))
			point(rnd(i), i);
		if (i + 1 < n && !rnd(32))
			point(i, i + 1 + rnd(n - i - 1));
	}
	for (uint32_t i = heads - heads / 10; i < heads; i++) {
		uint32_t own = block(56);

		point(i, own);
		if (node[i].n && node[i].to[node[i].n - 1] == own)
			point(own, i);
		else
			node[own].head = 1; /* no room: it is a leak of its own */
	}
}

/* Each line tells of one web; what is said of its heads is what a reader would say. */
static void planted(void)
{
	uint32_t a, b, c, d, last;

	/* a ring of three, with a tail of two: all hang on its first block */
	a = block(1000), b = block(1016), c = block(1032);
	point(a, b), point(b, c), point(c, a);
	d = block(40), point(c, d), point(d, block(40));
	printf("1000 5 %d 0 0 0\n", 1000 + 1016 + 1032 + 40 + 40);
	/* two heads, each with a block of its own, share a tail of three */
	a = block(1064), b = block(1080), c = block(40), d = block(40);
	point(a, block(56)), point(b, block(72));
	point(a, c), point(b, c), point(c, d), point(d, block(40));
	printf("1064 2 %d 3 120 2\n1080 2 %d 3 120 2\n", 1064 + 56, 1080 + 72);
	/* a tree of 3 + 9 below its head */
	a = block(1096);
	for (int i = 0; i < 3; i++) {
		b = block(88), point(a, b);
		for (int k = 0; k < 3; k++)
			point(b, block(40));
	}
	printf("1096 13 %d 0 0 0\n", 1096 + 3 * 88 + 9 * 40);
	/* a diamond: both ways lead from one head, so all of it is that head's */
	a = block(1112), b = block(40), c = block(40), d = block(40);
	point(a, b), point(a, c), point(b, d), point(c, d);
	printf("1112 4 %d 0 0 0\n", 1112 + 3 * 40);
	/* three heads share in steps: the first two one block, that and the third the next */
	a = block(1128), b = block(1144), c = block(1160), d = block(40), last = block(40);
	point(a, d), point(b, d), point(d, last), point(c, last);
	printf("1128 1 1128 2 80 3\n1144 1 1144 2 80 3\n1160 1 1160 1 40 3\n");
	/* a ring that two heads lead to is shared as a whole */
	a = block(1176), b = block(1192), c = block(40), d = block(40);
	point(a, c), point(b, d), point(c, d), point(d, c);
	printf("1176 1 1176 2 80 2\n1192 1 1192 2 80 2\n");
	/* alone, and pointing to itself */
	a = block(1208), point(a, a);
	printf("1208 1 1208 0 0 0\n");
	printf("all 7 280\n");
}

/* In a thread of its own, whose registers and stack end with it and keep nothing alive. */
static void *make(void *unused)
{
	uint32_t n = arg[1] && arg[2] ? (uint32_t)strtoul(arg[2], NULL, 10) : 0;

	(void)unused;
	seed = n ? strtoul(arg[3], NULL, 10) : 1;
	if (!strcmp(arg[1], "planted")) {
		planted();
		return NULL;
	}
	if (!strcmp(arg[1], "random"))
		random_web(n);
	else
		big_web(n);
	for (uint32_t v = 0; v < nodes; v++)
		if (node[v].told)
			tell(v);
	tell_all();
	for (uint32_t v = 0; arg[4] && v < nodes && v < 2000; v++)
		kept[v] = node[v].head ? node[v].p : NULL;
	return NULL;
}

int main(int argc, char **argv)
{
	const size_t most = 2000000;
	pthread_t thread;

	if (argc != 2 && argc != 4 && argc != 5)
		return 2;
	arg = argv;
	node = map(most * sizeof(*node));
	queue = map(most * 2 * sizeof(*queue));
	met = map(most);
	if (pthread_create(&thread, NULL, make, NULL))
		return 1;
	pthread_join(thread, NULL);
	munmap(node, most * sizeof(*node));
	munmap(queue, most * 2 * sizeof(*queue));
	munmap(met, most);
	node = NULL, queue = NULL, met = NULL;
	fflush(stdout);
	abort();
}
