/*
 * leaky: a deterministic program of one thread that leaks lists, trees and plain blocks, keeps
 * some, and ends or waits; for valgrind and the reference marker to agree about. No cycles and no
 * inner pointers: valgrind calls those otherwise.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
	struct node *left, *right;
	char text[40];
};

static struct node *kept;
static void *volatile sink;

static struct node *tree(int depth)
{
	struct node *n = calloc(1, sizeof(*n) + (size_t)depth * 16);

	if (n != NULL && depth > 0) {
		n->left = tree(depth - 1);
		n->right = tree(depth - 1);
	}
	return n;
}

static void drop_tree(struct node *n)
{
	if (n == NULL)
		return;
	drop_tree(n->left);
	drop_tree(n->right);
	free(n);
}

static __attribute__((noinline)) void work(void)
{
	struct node *list = NULL;

	for (int i = 0; i < 10; i++)
		sink = tree(i);
	for (int i = 0; i < 500; i++) {
		struct node *n = calloc(1, sizeof(*n));

		if (n == NULL)
			return;
		n->left = list;
		list = n;
	}
	sink = list;
	for (int i = 1; i < 300; i++)
		sink = calloc(1, (size_t)i * 50);
	kept = tree(8);
	drop_tree(tree(9));
}

static __attribute__((noinline)) void scrub(void)
{
	volatile char waste[65536];

	memset((char *)waste, 0, sizeof(waste));
	sink = NULL;
}

/* leaky [FILE]: makes FILE, then waits instead of ending. */
int main(int argc, char **argv)
{
	work();
	scrub();
	if (argc > 1 && open(argv[1], O_CREAT | O_WRONLY, 0600) >= 0)
		pause();
	return kept == NULL;
}
