/*
 * Names as C++ compilers write them, without a C++ compiler, one that stands for more text than any
 * memory holds, and thread-local variables of a program and of a library. Prints what lies where,
 * then aborts, in the function that the long name names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <unistd.h>

#include "names.h"

static __thread char pad[24] __attribute__((aligned(64))) = "keeps its distance";
__thread void *basket __asm__("_ZN4shop6basketE");
__thread void *scratch[4];
extern void *library_block(void **where);
void place(int last) __asm__("_ZN4shop5OrderIlE5placeESt6vectorIlSaIlEE");
void bomb(int last) __asm__(BOMB);

static void row(const char *name, const void *at, const void *block)
{
	printf("%s %p %p\n", name, at, block);
}

void __attribute__((noinline)) bomb(int last)
{
	void *where;
	void *block = library_block(&where);

	basket = malloc(1000);
	scratch[2] = malloc(2000);
	row("basket", &basket, basket);
	row("scratch", &scratch[2], scratch[2]);
	row("library", where, block);
	fflush(stdout);
	if (last)
		abort();
	for (;;)
		pause();
}

void __attribute__((noinline)) place(int last)
{
	bomb(last);
	pad[0]++;
}

static void *other(void *arg)
{
	place(0);
	return arg;
}

int main(void)
{
	pthread_t t;

	pthread_create(&t, NULL, other, NULL);
	sleep(1);
	place(1);
	return pad[1];
}
