/* many: 300,000 blocks from one call, then its end. */
#include <stdlib.h>

static void *volatile kept[300000];

int main(void)
{
	for (int i = 0; i < 300000; i++)
		kept[i] = malloc(40);
	abort();
}
