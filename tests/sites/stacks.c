/*
 * stacks: preloaded into a program, it keeps for every live block who asked for it: up to FRAMES
 * return addresses, innermost first. The table is a file (SITES_TRUTH), mapped shared: no core has
 * it, and check.py reads it. Addresses in it are inverted all the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

#define FRAMES   16
#define CAPACITY (1u << 21)

struct entry { /* all inverted; address 0: empty */
	uint64_t address, size, frame[FRAMES];
};

static struct entry *table;
static uint64_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int depth __attribute__((tls_model("initial-exec")));

__attribute__((constructor(101))) static void construct(void)
{
	const char *path = getenv("SITES_TRUTH");
	void *prime[2];
	int fd;

	depth++;
	backtrace(prime, 2);
	fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (fd >= 0 && !ftruncate(fd, (off_t)(CAPACITY * sizeof(*table))))
		table = mmap(NULL, CAPACITY * sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED,
		             fd, 0);
	if (table == MAP_FAILED)
		table = NULL;
	if (fd >= 0)
		close(fd);
	unsetenv("LD_PRELOAD");
	unsetenv("SITES_TRUTH");
	depth--;
}

static uint64_t home(uint64_t address)
{
	return ((address >> 4) * 0x9e3779b97f4a7c15u) >> 40 & (CAPACITY - 1);
}

static void insert(const struct entry *e)
{
	uint64_t i = home(~e->address);

	while (table[i].address)
		i = (i + 1) & (CAPACITY - 1);
	table[i] = *e;
}

static void forget(void *block)
{
	uint64_t i, hole;

	if (!table || !block)
		return;
	pthread_mutex_lock(&lock);
	for (i = home((uintptr_t)block); table[i].address; i = (i + 1) & (CAPACITY - 1))
		if (table[i].address == ~(uint64_t)(uintptr_t)block)
			break;
	if (table[i].address) {
		count--;
		for (hole = i;;) {
			uint64_t at;

			i = (i + 1) & (CAPACITY - 1);
			if (!table[i].address)
				break;
			at = home(~table[i].address);
			if (((i - at) & (CAPACITY - 1)) >= ((i - hole) & (CAPACITY - 1))) {
				table[hole] = table[i];
				hole = i;
			}
		}
		memset(&table[hole], 0, sizeof(table[hole]));
	}
	pthread_mutex_unlock(&lock);
}

/* The first frame of a backtrace is this function's, the second that of malloc and its kin. */
__attribute__((noinline)) static void record(void *block, size_t size)
{
	struct entry e = { ~(uint64_t)(uintptr_t)block, ~(uint64_t)size, { 0 } };
	void *frame[FRAMES + 2];
	int n;

	if (!table || !block || depth || count * 2 >= CAPACITY)
		return;
	depth++;
	n = backtrace(frame, FRAMES + 2);
	for (int i = 2; i < n; i++)
		e.frame[i - 2] = ~(uint64_t)(uintptr_t)frame[i];
	depth--;
	pthread_mutex_lock(&lock);
	insert(&e);
	count++;
	pthread_mutex_unlock(&lock);
}

void *malloc(size_t size)
{
	void *block = __libc_malloc(size);

	record(block, size);
	return block;
}

void *calloc(size_t n, size_t size)
{
	void *block = __libc_calloc(n, size);

	record(block, n * size);
	return block;
}

void *realloc(void *old, size_t size)
{
	void *block;

	forget(old);
	block = __libc_realloc(old, size);
	record(block, size);
	return block;
}

void *memalign(size_t alignment, size_t size)
{
	void *block = __libc_memalign(alignment, size);

	record(block, size);
	return block;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	void *block = __libc_memalign(alignment, size);

	record(block, size);
	return block;
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
	void *block = __libc_memalign(alignment, size);

	if (!block)
		return ENOMEM;
	record(block, size);
	*to = block;
	return 0;
}

void free(void *block)
{
	int saved = errno;

	forget(block);
	__libc_free(block);
	errno = saved;
}
