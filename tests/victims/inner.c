/*
 * A program that keeps blocks by pointers into their middle, and says how: nodes linked by a member
 * in the middle, strings behind a header, arrays behind their count (by purpose: "structural"), and
 * single words that happen to point into blocks ("weak"). Then it aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link {
	struct link *next;
};
struct node {
	long key, value;
	struct link link; /* what points to a node points here */
	char rest[60];
};

struct link *list; /* global: no compiler may leave them out */
char *strings[50];
long *arrays[3];
char *chance[20];
static struct {
	uint64_t at; /* inverted */
	const char *how;
} told[500];
static size_t ntold;

static void *tell(void *p, const char *how)
{
	told[ntold].at = ~(uint64_t)(uintptr_t)p;
	told[ntold++].how = how;
	return p;
}

static void nodes(void)
{
	for (int i = 0; i < 100; i++) {
		struct node *n = calloc(1, sizeof(*n));

		tell(n, "structural");
		n->key = i;
		n->link.next = list;
		list = &n->link;
	}
}

static void headed(void)
{
	for (int i = 0; i < 50; i++) { /* as sds, talloc, ...: a header of 16 bytes */
		uint64_t *s = tell(calloc(1, 200), "structural");

		s[0] = 0x5d5, s[1] = 100;
		strings[i] = (char *)(s + 2);
		strcpy(strings[i], "a string behind its header");
	}
	for (int i = 0; i < 3; i++) {
		long *a = tell(calloc(1, sizeof(long) * (1 + 300 + (size_t)i * 4)), "structural");

		a[0] = (300 + i * 4) / 4; /* elements of four words each */
		arrays[i] = a + 1;
	}
}

/*
 * A table whose front is as long as it is, and a pointer behind that, as PHP's arrays: no offset is
 * shared by many, but the pointer has the same place in each holder. Of another kind of holder
 * there are too few to tell.
 */
struct holder {
	long count, flags;
	char *behind;
	long used;
};
struct rare {
	long number;
	char *behind;
	long numbers[8];
};
struct holder *holders[40];
struct rare *rares[5];

static void fronted(void)
{
	for (int i = 0; i < 40; i++) {
		size_t front = 64 + (size_t)i * 24 % 416;

		holders[i] = calloc(1, sizeof(*holders[i]));
		holders[i]->count = 3;
		holders[i]->behind = (char *)tell(calloc(1, 2100 + (size_t)i * 32), "structural") +
		                     front;
	}
	for (int i = 0; i < 5; i++) {
		rares[i] = calloc(1, sizeof(*rares[i]));
		rares[i]->number = 7;
		rares[i]->behind = (char *)tell(calloc(1, 5000 + (size_t)i * 32), "weak") + 64 +
		                   i * 24;
	}
}

static void by_chance(void)
{
	for (int i = 0; i < 20; i++) {
		char *p = tell(calloc(1, 1000 + (size_t)i * 16), "weak");

		chance[i] = p + 96 + i * 8;
	}
}

int main(void)
{
	nodes();
	headed();
	fronted();
	by_chance();
	for (size_t i = 0; i < ntold; i++)
		printf("0x%llx %s\n", (unsigned long long)~told[i].at, told[i].how);
	fflush(stdout);
	abort();
}
