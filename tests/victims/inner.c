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
	by_chance();
	for (size_t i = 0; i < ntold; i++)
		printf("0x%llx %s\n", (unsigned long long)~told[i].at, told[i].how);
	fflush(stdout);
	abort();
}
