/*
 * many: a heap of more than a million used blocks, of which few change. For each character on
 * standard input a step: 20,000 blocks of 72 bytes are lost; a table gets 30,000 of 56 bytes more;
 * of a million and a half of nodes, in lists that a variable holds, one in 25 is freed, after
 * another was made that takes its place in the list, and the place in memory of the one before. In
 * the first step all is made. It prints the number of the step, and into the file `replaced.N` the
 * addresses of the new nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NODES   1500000
#define EVERY   25
#define LISTS   64
#define ENTRIES 30000
#define LOST    20000

struct node {
	struct node *next;
	unsigned long id, twice; /* a block of 24 bytes */
};
struct entry {
	unsigned long key, value[6];
};
struct lost {
	unsigned long id, rest[8];
};

struct node *lists[LISTS];
struct entry **table;
static size_t nentries;
struct lost *volatile last; /* so that the compiler makes what is lost */
static unsigned long ids = 1000;

static struct node *node_new(struct node *next)
{
	struct node *n = malloc(sizeof(*n));

	n->next = next;
	n->id = ++ids;
	n->twice = 2 * ids;
	return n;
}

static void replace(int step)
{
	char name[32];
	FILE *out;

	snprintf(name, sizeof(name), "replaced.%d", step);
	out = fopen(name, "w");
	for (int i = 0; i < LISTS; i++) {
		int k = 0;

		for (struct node **at = &lists[i]; *at; at = &(*at)->next) {
			struct node *old = *at;

			if (k++ % EVERY)
				continue;
			*at = node_new(old->next);
			free(old);
			fprintf(out, "0x%lx\n", (unsigned long)*at);
		}
	}
	fclose(out);
}

static void make(int step)
{
	table = realloc(table, (nentries + ENTRIES) * sizeof(struct entry *));
	for (int i = 0; i < ENTRIES; i++) {
		table[nentries] = calloc(1, sizeof(struct entry));
		table[nentries]->key = nentries;
		nentries++;
	}
	for (int i = 0; i < LOST; i++) {
		struct lost *l = calloc(1, sizeof(*l));

		l->id = (unsigned long)step << 32 | (unsigned long)i;
		last = l;
	}
}

int main(void)
{
	char c;

	for (int step = 1; read(0, &c, 1) == 1; step++) {
		for (int i = 0; step == 1 && i < NODES; i++)
			lists[i % LISTS] = node_new(lists[i % LISTS]);
		if (step > 1)
			replace(step);
		make(step);
		dprintf(1, "%d\n", step);
	}
	return 0;
}
