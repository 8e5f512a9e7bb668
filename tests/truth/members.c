/*
 * A C program whose blocks hang on void pointers, or are lost: nothing typed leads to them, only
 * what is in them tells what they are. It says what each is: "address<TAB>type" a line to the file
 * named first; "?" where nothing may be said, as no type of the program is theirs. Then it aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *truth;

static void *made(void *p, const char *what)
{
	if (!p)
		abort();
	fprintf(truth, "%p\t%s\n", p, what);
	return p;
}

#define NEW(type) ((struct type *)made(calloc(1, sizeof(struct type)), #type))

struct customer {
	char name[40];
	struct order *last;
	long since;
	void (*greet)(struct customer *);
	int visits;
};
struct line {
	struct line *next;
	struct order *of;
	int count, price;
	char *text;
	double weight[7];
};
struct order {
	struct customer *who;
	struct line *first, *last;
	long number;
	void (*ship)(struct order *);
	char note[100];
};
/* As big as some of the others, with numbers where those have pointers and the other way round. */
struct reading { double value[6]; long at, until; };
struct window { long x, y, w, h; struct window *left, *right, *top; void *data[8]; };

/* Two pointers only, of a size that hundreds of texts and pairs of numbers have. */
struct bond { struct order *order; struct customer *customer; };

void *slots[600]; /* the only way in */
static size_t nslots;

static void greet(struct customer *c) { c->visits++; }
static void ship(struct order *o) { o->number++; }

static void keep(void *p) { slots[nslots++] = p; }

static void *chained[500];
static void chain(void *p)
{
	static size_t n;

	chained[n++] = p;
}

static struct order *order_new(int i)
{
	struct order *o = NEW(order);

	o->who = NEW(customer);
	o->who->last = o;
	o->who->greet = greet;
	strcpy(o->who->name, "somebody");
	o->number = i;
	o->ship = ship;
	for (int k = 0; k < 2 + i % 3; k++) {
		struct line *l = NEW(line);

		l->of = o;
		l->count = k + 1;
		l->weight[0] = 0.5 * k;
		if (o->last)
			o->last->next = l;
		else
			o->first = l;
		o->last = l;
	}
	if (i % 10 == 9) /* what it points to was freed, and is something else by now */
		o->last = made(strdup("not a line"), "text");
	return o;
}

/* What a library without debug information might have: like in size, unlike in what it means. */
static void strangers(int i)
{
	uint64_t **a = made(calloc(1, sizeof(struct order)), "?");
	uint64_t **b = made(calloc(1, sizeof(struct customer)), "?");

	a[1] = (uint64_t *)b;
	a[3] = (uint64_t *)b; /* a number of an order's */
	a[7] = (uint64_t *)(uintptr_t)i;
	b[0] = (uint64_t *)a;
	b[6] = (uint64_t *)b;
	keep(a);
}

static void keep_pair(int i)
{
	long *pair = made(calloc(2, sizeof(long)), "?");

	pair[0] = i;
	pair[1] = -i;
	chain(pair);
}

int main(int argc, char **argv)
{
	if (argc < 2 || !(truth = fopen(argv[1], "w")))
		return 2;
	for (int i = 0; i < 400; i++)
		keep_pair(i);
	for (int i = 0; i < 60; i++) {
		struct order *o = order_new(i);
		struct bond *b = NEW(bond);
		struct reading *r = NEW(reading);
		struct window *w = NEW(window);

		b->order = o;
		b->customer = o->who;
		if (i % 3) /* every third is lost */
			keep(b);
		r->value[0] = 1.5 * i;
		r->at = i;
		keep(r);
		w->w = 640;
		w->data[3] = r;
		keep(w);
		strangers(i);
		for (int k = 0; k < 10; k++) /* text, as programs have */
			keep(made(strdup("a line of text, longer and longer" + k), "text"));
		if (nslots > sizeof(slots) / sizeof(*slots) - 20)
			nslots = 0;
	}
	fclose(truth);
	abort();
}
