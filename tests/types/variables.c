/*
 * variables: says which variable and member is at which address, one a line: `ADDRESS NAME`.
 * Pointers in them lead to blocks. Then it aborts.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next;
	int value;
};

typedef struct {
	char name[16];
	struct {
		struct node *head;
		unsigned low : 3, high : 5;
	} table[4];
	union {
		long number;
		void *pointer;
	} either;
	struct node *grid[2][3];
} cache;

struct tail {
	int n;
	struct node *item[];
};

cache g_cache;
static struct node *hidden;
static struct tail tail = { 2, { NULL, NULL } };
const struct node *const volatile qualified = NULL;
static __thread struct node *per_thread[3];
__thread cache tls_cache;

static struct node *new_node(void)
{
	static struct node *memo;
	struct node *n = calloc(1, sizeof(*n));

	printf("%p memo\n", (void *)&memo);
	memo = n;
	return n;
}

#define SAY(what, name) printf("%p %s\n", (void *)&(what), name)

int main(void)
{
	hidden = new_node();
	g_cache.table[3].head = new_node();
	tail.item[1] = new_node();
	per_thread[2] = new_node();
	SAY(g_cache, "g_cache.name[0]");
	SAY(g_cache.name[5], "g_cache.name[5]");
	SAY(g_cache.table[3].head, "g_cache.table[3].head");
	SAY(g_cache.either, "g_cache.either.number");
	SAY(g_cache.grid[1][2], "g_cache.grid[5]");
	SAY(hidden, "hidden");
	printf("%p hidden+0x3\n", (void *)((char *)&hidden + 3));
	SAY(tail.item[1], "tail.item[1]");
	SAY(per_thread[2], "per_thread[2]");
	SAY(tls_cache.table[1].head, "tls_cache.table[1].head");
	fflush(stdout);
	abort();
}
