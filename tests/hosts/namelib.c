/* A library with thread-local variables of its own, for names.c. */
#include <stdlib.h>

static __thread char first[40] = "first";
__thread void *shelf;

void *library_block(void **where)
{
	first[0]++;
	shelf = malloc(3000);
	*where = &shelf;
	return shelf;
}
