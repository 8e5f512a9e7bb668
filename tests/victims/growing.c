/*
 * growing: a process that grows in five ways at known rates, for snapshots apart from each other.
 *
 *	growing TRUTH
 *
 * For each line on standard input it goes on for one step, writes what it knows to TRUTH.<step>,
 * and forks a child that aborts: its core is the snapshot. It prints the child's process id.
 *
 *   A leaks 4,000 blocks of 72 bytes a step
 *   B is a cache of blocks of 200 bytes: 3,000 in the first step, 6,000 in the second, then
 *     full; one entry in 100 is replaced in each step
 *   C churns: 5,000 live objects of 120 bytes, nearly all of them other ones after a step
 *   D fragments: 1,500 blocks of 2,008 bytes a step are freed, between pins that stay, each step in
 *     an arena of its own, so that nobody else takes what was given back
 *   E maps 3 MiB a step
 *   F are 3,000 records that live on, with counters that change
 *
 * TRUTH.<step> has a line for each live block: its address, usable size and serial number, which no
 * two blocks ever share. Addresses there do not keep anything alive: the table is unmapped.
 */
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAKS    4000
#define CACHE    6000
#define CHURN    5000
#define FREED    1500
#define PINS     100000
#define RECORDS  3000
#define MOST     400000 /* live blocks */

struct object {
	const char *kind; /* of static memory, as a vtable is */
	struct object *next;
	uint64_t id;
	uint32_t flags, refs;
	char name[64];
};

struct entry { /* the truth: addresses are kept inverted, so that they are no pointers */
	uint64_t addr, serial;
};

static struct entry *table; /* open addressing by address */
static sem_t fragmented;
static uint64_t serials;
static uint64_t seed = 88172645463325252u;

struct object *cache[CACHE], *live[CHURN], *record[RECORDS];
void *pin[PINS];
size_t cached, pins;
void *mapped[64];

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct entry *slot_of(const void *p)
{
	size_t i = ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 44;

	while (table[i].addr && table[i].addr != ~(uint64_t)(uintptr_t)p)
		i = (i + 1) & ((1u << 20) - 1);
	return &table[i];
}

static void *take(size_t size)
{
	void *p = malloc(size);
	struct entry *e;

	if (!p)
		abort();
	e = slot_of(p);
	e->addr = ~(uint64_t)(uintptr_t)p;
	e->serial = ++serials;
	return p;
}

static void give(void *p)
{
	slot_of(p)->serial = 0; /* its slot stays */
	free(p);
}

static struct object *object_new(const char *kind, size_t size)
{
	struct object *o = take(size);

	memset(o, 0, size);
	o->kind = kind;
	o->id = serials * 7919;
	o->flags = 3;
	o->refs = 1;
	snprintf(o->name, size > 100 ? 60 : 30, "%s of %llu", kind, (unsigned long long)serials);
	return o;
}

static void leak(void)
{
	for (int i = 0; i < LEAKS; i++)
		object_new("leak", 72);
}

static void fill(void)
{
	for (int i = 0; i < CACHE / 2 && cached < CACHE; i++)
		cache[cached++] = object_new("cache", 200);
	for (size_t i = 0; i < cached / 100; i++) {
		size_t at = rnd() % cached;

		give(cache[at]);
		cache[at] = object_new("cache", 200);
	}
}

static void churn(void)
{
	for (int i = 0; i < CHURN * 8; i++) {
		size_t at = rnd() % CHURN;

		if (live[at])
			give(live[at]);
		live[at] = object_new("churn", 120);
		live[at]->next = live[rnd() % CHURN];
	}
	for (int i = 0; i < CHURN; i++) {
		if (!live[i])
			live[i] = object_new("churn", 120);
		live[i]->next = live[rnd() % CHURN];
	}
}

/* In a thread that lives on, and so in an arena that no other thread will have. */
static void *fragment(void *unused)
{
	static void *big[FREED];

	(void)unused;
	for (int i = 0; i < FREED; i++) {
		big[i] = memset(take(2008), 'd', 2008);
		pin[pins++] = memset(take(24), 'p', 24);
	}
	for (int i = 0; i < FREED; i++)
		give(big[i]);
	sem_post(&fragmented);
	for (;;)
		pause();
	return NULL;
}

static void fragment_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 << 10);
	if (pthread_create(&thread, &attr, fragment, NULL))
		abort();
	while (sem_wait(&fragmented))
		;
}

static void touch(void)
{
	for (int i = 0; i < RECORDS; i++) {
		record[i] = record[i] ? record[i] : object_new("record", 104);
		record[i]->refs++;
		if (i % 3 == 0)
			record[i]->next = record[rnd() % RECORDS];
	}
}

static void tell(const char *truth, int step)
{
	char name[4096];
	FILE *f;

	snprintf(name, sizeof(name), "%s.%d", truth, step);
	f = fopen(name, "w");
	if (!f)
		abort();
	setvbuf(f, NULL, _IONBF, 0); /* no buffer in the heap */
	for (size_t i = 0; i < 1u << 20; i++) {
		if (table[i].serial)
			fprintf(f, "%#llx %zu %llu\n", (unsigned long long)~table[i].addr,
			        malloc_usable_size((void *)(uintptr_t)~table[i].addr),
			        (unsigned long long)table[i].serial);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	size_t bytes = sizeof(*table) << 20;
	char line[16];

	if (argc != 2)
		return 2;
	table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		return 1;
	for (int step = 1; read(0, line, 1) == 1; step++) {
		pid_t child;

		leak();
		fill();
		churn();
		touch();
		fragment_start();
		mapped[step] = mmap(NULL, 3 << 20, PROT_READ | PROT_WRITE,
		                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(mapped[step], 'e', 3 << 20);
		tell(argv[1], step);
		child = fork();
		if (!child) {
			munmap(table, bytes);
			abort();
		}
		waitpid(child, NULL, 0);
		dprintf(1, "%d\n", (int)child);
	}
	return 0;
}
