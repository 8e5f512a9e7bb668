/*
 * Two kinds of blocks of one size, of which the code tells nothing but the size: what is put into
 * them is put there through a pointer to a function. Writes down "address function" of each.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct apple {
	void *tree;
	double weight;
	long number;
	void *worm;
};

struct pear {
	double weight;
	long number;
	void *tree;
	double ripe;
};

static FILE *truth;
static char orchard[4096];
static void *kept[2000];
struct apple one_apple; /* so that both types are in the debug information */
struct pear one_pear;

static void fill_apple(void *p, int i)
{
	*(struct apple *)p = (struct apple){ orchard + i % 4000, 0.5 + i, 7000 + i, kept };
}

static void fill_pear(void *p, int i)
{
	*(struct pear *)p = (struct pear){ 1.25 * i + 3, 300 + i, orchard + i % 4000, i / 7.0 + 1 };
}

static void (*volatile fill[])(void *, int) = { fill_apple, fill_pear };

__attribute__((noinline)) static void *make_apple(int i)
{
	void *p = malloc(sizeof(struct apple));

	fill[0](p, i);
	return p;
}

__attribute__((noinline)) static void *make_pear(int i)
{
	void *p = malloc(sizeof(struct pear));

	fill[1](p, i);
	return p;
}

int main(int argc, char **argv)
{
	truth = fopen(argv[1], "w");
	for (int i = 0; i < 2000; i++) {
		kept[i] = i % 2 ? make_apple(i) : make_pear(i);
		fprintf(truth, "%p %s\n", kept[i], i % 2 ? "make_apple" : "make_pear");
	}
	fclose(truth);
	raise(SIGABRT);
	return argc;
}
