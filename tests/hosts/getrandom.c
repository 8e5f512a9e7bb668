/*
 * A process with memory that the kernel does not save. As told, it is arranged as glibc 2.41 keeps
 * the states of its random generator (states), or nearly so: three pointers only (few), pointers
 * into a line (odd), no pointer to the table (lost). One block is leaked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void **table, **volatile hide;

static void *pages(size_t n)
{
	return mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void __attribute__((noinline)) leak(void)
{
	void *volatile p = malloc(4321);

	memset(p, 1, 4321);
	p = NULL;
}

static void __attribute__((noinline)) wipe(void)
{
	volatile char room[16384];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "states";
	int n = strcmp(how, "few") ? 21 : 3, step = strcmp(how, "odd") ? 192 : 184;
	char *block = pages(1);

	leak();
	table = pages(1);
	madvise(block, 4096, MADV_DONTDUMP);
	for (int i = 0; i < n; i++)
		table[i] = block + i * step;
	if (!strcmp(how, "lost"))
		table = NULL;
	memset(block, 7, 4096);
	wipe();
	abort();
}
