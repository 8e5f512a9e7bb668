/*
 * Allocators of the kinds that programs have: one that hands its block out through an argument, one
 * that multiplies two arguments, one that is named so and fills a header, one that jumps to malloc,
 * two that are called through a pointer, in a variable and in a state that is handed around, and
 * one that copies text, which is no allocator. Writes down the line that each block is of.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N     200
#define APART __attribute__((noinline, noclone))

struct header {
	unsigned uses, length;
	char text[];
};
struct node {
	long key;
	struct node *next;
	struct header *head;
	char *name, *copy;
	int *numbers;
	struct pair *pair;
	struct extra *extra;
	struct item *item;
};
struct extra {
	long id[11];
};
struct item {
	struct state *of;
	double value[16];
};

/* Hooks, as sqlite and libevent have; a state, as Lua has. */
struct hooks {
	void (*drop)(void *);
	void *(*get)(size_t);
};
struct state {
	long uses;
	void *owner;
	void *(*resize)(void *owner, void *old, size_t was, size_t is);
};

static struct hooks hooks;
static struct state *state;
struct pair {
	double low, high;
	struct node *of;
};

static FILE *truth;
static struct node *nodes;

#define MADE(block, line) fprintf(truth, "%p wraps.c:%d\n", (void *)(block), (line))

APART static void xprintf(char **out, const char *form, ...)
{
	va_list arguments;

	va_start(arguments, form);
	if (vasprintf(out, form, arguments) < 0)
		abort();
	va_end(arguments);
}

APART static void *many(int n, size_t size)
{
	void *p = malloc((size_t)n * size);

	if (!p)
		abort();
	return p;
}

APART static struct header *text_alloc(size_t length)
{
	struct header *h = malloc(sizeof(*h) + length + 1);

	if (!h)
		abort();
	h->uses = 1;
	h->length = (unsigned)length;
	return h;
}

APART static struct pair *new_pair(void)
{
	return malloc(sizeof(struct pair));
}

/* The size in front, as sqlite does. */
APART static void *sized(size_t n)
{
	size_t *p = malloc(n + 16);

	if (!p)
		abort();
	*p = n;
	return p + 2;
}

APART static void unsized(void *p)
{
	if (p)
		free((size_t *)p - 2);
}

APART static void *resize(void *owner, void *old, size_t was, size_t is)
{
	(void)owner;
	(void)was;
	if (!is) {
		free(old);
		return NULL;
	}
	return realloc(old, is);
}

APART static void *state_new(struct state *s, size_t n)
{
	void *p = s->resize(s->owner, NULL, 0, n);

	if (!p)
		abort();
	s->uses += (long)n;
	return p;
}

static int copy_line;

APART static char *copied(const char *text)
{
	size_t n = strlen(text) + 1;
	char *p = malloc(n);
	copy_line = __LINE__ - 1;

	if (!p)
		abort();
	return memcpy(p, text, n);
}

APART static void add(int i)
{
	struct node *n = many(1, sizeof(*n));
	int line = __LINE__ - 1;
	char text[80];

	MADE(n, line);
	snprintf(text, sizeof(text), "the text of number %d, %d", i, i * 7919);
	n->key = i;
	xprintf(&n->name, "node-%d-of-%s", i, "the-program");
	line = __LINE__ - 1;
	MADE(n->name, line);
	n->copy = copied(text);
	MADE(n->copy, copy_line);
	n->head = text_alloc(strlen(text));
	line = __LINE__ - 1;
	MADE(n->head, line);
	strcpy(n->head->text, text);
	n->numbers = many(5 + i % 9, sizeof(*n->numbers));
	line = __LINE__ - 1;
	MADE(n->numbers, line);
	for (int k = 0; k < 5 + i % 9; k++)
		n->numbers[k] = i + k;
	n->pair = new_pair();
	line = __LINE__ - 1;
	MADE(n->pair, line);
	n->pair->low = i + 0.25;
	n->pair->high = i * 3.5;
	n->pair->of = n;
	n->extra = hooks.get(sizeof(*n->extra));
	line = __LINE__ - 1;
	MADE((char *)n->extra - 16, line);
	for (int k = 0; k < 11; k++)
		n->extra->id[k] = i * k;
	n->item = state_new(state, sizeof(*n->item));
	line = __LINE__ - 1;
	MADE(n->item, line);
	for (int k = 0; k < 16; k++)
		n->item->value[k] = i + k / 8.0;
	n->item->of = state;
	n->next = nodes;
	nodes = n;
}

int main(int argc, char **argv)
{
	truth = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
	if (!truth)
		return 1;
	state = malloc(sizeof(*state));
	if (!state)
		return 1;
	hooks = argc > 2 ? (struct hooks){ free, malloc } : (struct hooks){ unsized, sized };
	*state = (struct state){ .owner = &hooks, .resize = resize };
	state->owner = state_new(state, (size_t)argc * 48);
	for (int i = 0; i < N; i++)
		add(i);
	fclose(truth);
	raise(SIGABRT);
	return 0;
}
