/* typed: a type that the other file only has declared. */
#include "typed.h"

#include <stdlib.h>
#include <unistd.h>

struct opaque {
	struct opaque *next;
	struct secret { int code; struct opaque *owner; } *secret;
};

struct opaque *g_opaque;

struct opaque *opaque_new(int n)
{
	struct opaque *first = NULL;

	for (int i = 0; i < n; i++) {
		struct opaque *o = made(calloc(1, sizeof(*o)), "struct opaque");

		o->secret = made(calloc(1, sizeof(*o->secret)), "struct secret");
		o->secret->owner = o;
		o->next = first;
		first = o;
	}
	g_opaque = first;
	return first;
}

void pause_with(void *local)
{
	(void)local;
	pause();
}

void finish(void *local, struct opaque *o)
{
	(void)local;
	(void)o;
	abort();
}
