/*
 * ledger: the recorder's table of live blocks and the one lock around it.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <gnu/libc-version.h>

extern size_t malloc_usable_size(void *);

struct control *ctl;
uint64_t operations, dropped;
bool numbered;
static struct entry *table;
static uint64_t capacity, count;
static __thread int depth __attribute__((tls_model("initial-exec")));

/* ---- the lock ---------------------------------------------------------------------------- */

static void futex_wait(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* SIGQUIT gets its default action back: so the process can be ended with a core where it is. */
void hold(void)
{
	static const struct { /* the kernel's struct sigaction */
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} def;

	syscall(SYS_rt_sigaction, SIGQUIT, &def, NULL, sizeof(def.mask));
	__atomic_store_n(&ctl->held, 1, __ATOMIC_SEQ_CST);
	for (;;)
		futex_wait(&ctl->held, 1);
}

void lock_take(void)
{
	uint32_t free_word = 0;

	if (depth++ != 0)
		return;
	if (!__atomic_compare_exchange_n(&ctl->lock, &free_word, 1, false, __ATOMIC_ACQUIRE,
	                                 __ATOMIC_RELAXED)) {
		while (__atomic_exchange_n(&ctl->lock, 2, __ATOMIC_ACQUIRE) != 0)
			futex_wait(&ctl->lock, 2);
	}
}

void lock_drop(void)
{
	if (--depth != 0)
		return;
	if (__atomic_exchange_n(&ctl->lock, 0, __ATOMIC_RELEASE) == 2)
		syscall(SYS_futex, &ctl->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool lock_outermost(void)
{
	return depth == 1;
}

/* ---- the table --------------------------------------------------------------------------- */

/* Inaccessible pages on both sides keep the kernel from merging the mapping with a neighbour. */
static void *map_own(size_t bytes)
{
	size_t page = 4096;
	char *at = mmap(NULL, bytes + 2 * page, PROT_NONE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || mprotect(at + page, bytes, PROT_READ | PROT_WRITE) != 0)
		abort();
	return at + page;
}

static void unmap_own(void *at, size_t bytes)
{
	munmap((char *)at - 4096, bytes + 2 * 4096);
}

static uint64_t slot_of(uint64_t address)
{
	return ((address >> 4) * 0x9e3779b97f4a7c15u) >> 20 & (capacity - 1);
}

void publish(void)
{
	ctl->table = ~(uint64_t)(uintptr_t)table;
	ctl->capacity = ~capacity;
	ctl->count = ~count;
	ctl->operations = ~operations;
	ctl->dropped = ~dropped;
}

static void insert(struct entry e)
{
	uint64_t i = slot_of(~e.address);

	while (table[i].address != 0)
		i = (i + 1) & (capacity - 1);
	table[i] = e;
}

static void grow(void)
{
	struct entry *old = table;
	uint64_t old_capacity = capacity;

	capacity *= 2;
	table = map_own((size_t)capacity * sizeof(*table));
	for (uint64_t i = 0; i < old_capacity; i++)
		if (old[i].address != 0)
			insert(old[i]);
	unmap_own(old, (size_t)old_capacity * sizeof(*old));
}

void record(void *block, size_t requested, uint64_t caller)
{
	/* what a library behind asks for on its way (dlsym in it) may be no block of malloc's */
	if (block == NULL || !lock_outermost())
		return;
	if (count * 2 >= capacity)
		grow();
	insert((struct entry){ ~(uint64_t)(uintptr_t)block, ~(uint64_t)requested,
	                       ~(uint64_t)malloc_usable_size(block),
	                       ~(numbered ? operations : caller) });
	count++;
	publish();
}

struct entry *find(const void *block)
{
	uint64_t i = slot_of((uintptr_t)block);

	for (; table[i].address != 0; i = (i + 1) & (capacity - 1))
		if (table[i].address == ~(uint64_t)(uintptr_t)block)
			return &table[i];
	return NULL;
}

void remember(struct entry e)
{
	insert(e);
	count++;
	publish();
}

/* Deletes without a tombstone: later members of the run move up. */
void forget(struct entry *e)
{
	uint64_t hole = (uint64_t)(e - table), i = hole;

	for (;;) {
		uint64_t home;

		i = (i + 1) & (capacity - 1);
		if (table[i].address == 0)
			break;
		home = slot_of(~table[i].address);
		if (((i - home) & (capacity - 1)) >= ((i - hole) & (capacity - 1))) {
			table[hole] = table[i];
			hole = i;
		}
	}
	memset(&table[hole], 0, sizeof(table[hole]));
	count--;
	publish();
}

void ledger_set_up(void)
{
	static const char magic[] = "live blocks: recorder's table 2"; /* 2: of the layout */

	if (sizeof(*ctl) > CONTROL_BYTES)
		abort();
	ctl = map_own(CONTROL_BYTES);
	capacity = 1u << 15;
	table = map_own((size_t)capacity * sizeof(*table));
	ctl->brk_start = ~(uint64_t)syscall(SYS_brk, 0);
	ctl->pid = ~(uint64_t)syscall(SYS_getpid);
	ctl->nthreads = ~(uint64_t)0;
	ctl->main_arena = ~(uint64_t)0;
	ctl->glibc_minor = ~strtoull(gnu_get_libc_version() + 2, NULL, 10);
	publish();
	memcpy(ctl->magic, magic, MAGIC_LEN);
}
