/*
 * places: puts blocks, words and mappings into known places, prints what each is, and waits.
 *
 *	NAME ADDRESS KEY=VALUE...
 *
 * are the expectations that places.py compares with `coreheap explain`. Standard error gets
 * malloc_info. "ready" is the last line; then the process pauses for ever, in several threads.
 *
 *	places [THREADS]   how many threads sleep in the frame of wait_here (default 2)
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct node {
	struct node *next;
	char pad[40];
};

struct node *list_head;          /* .bss */
char *inner_pointer = (char *)1; /* .data */
void **outer_pointer;
void *volatile dangling, *volatile freed_holder;
static __thread void *thread_word;
static pthread_barrier_t all_there;
static char buffer[1 << 16];

static int tid(void)
{
	return (int)syscall(SYS_gettid);
}

/* Keeps the compiler from leaving out an allocation or a store. */
static void *opaque(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

__attribute__((noinline)) static void *make(const char *name, size_t size, const char *expect)
{
	void *p = opaque(malloc(size));

	printf("%s %p kind=block state=used size=%zu %s\n", name, p, malloc_usable_size(p), expect);
	return p;
}

__attribute__((noinline)) static void leaks(void)
{
	struct node *a, *b;
	void **holder;

	make("alone", 1000, "reach=definite roots=0 blocks=0 path=none");
	a = make("head", 72, "reach=definite roots=0 blocks=0 path=none");
	b = make("child", 88, "reach=indirect roots=0 blocks=1 path=leak length=1");
	a->next = b;
	b->next = make("grandchild", 104, "reach=indirect roots=0 blocks=1 path=leak length=2");
	a = make("ring-head", 120, "reach=definite roots=0 blocks=1 path=none");
	b = make("ring-tail", 136, "reach=indirect roots=0 blocks=1 path=leak length=1");
	a->next = b;
	b->next = a;
	a = make("narcissus", 152, "reach=definite roots=0 blocks=0 self=1 path=none");
	a->next = a;
	holder = malloc(2000);
	holder[5] = make("held-by-free", 168, "reach=definite roots=0 blocks=0 stale=1 path=none");
	freed_holder = opaque(holder);
}

/* Old words of the calls before must not lie in the frames of those that follow. */
__attribute__((noinline)) static void sweep(void)
{
	char *volatile room[512];

	memset((void *)room, 0, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
}

__attribute__((noinline)) static void kept(void)
{
	char text[128];

	for (int i = 0; i < 100; i++) {
		struct node *n;
		char name[32];

		snprintf(name, sizeof(name), "list-%d", i);
		snprintf(text, sizeof(text), "reach=reachable path=root length=%d first=list_head",
		         100 - i);
		n = make(name, sizeof(*n), text);
		n->next = list_head;
		list_head = n;
	}
	inner_pointer = make("inner", 500,
	                     "reach=possible roots=1 blocks=0 path=root length=1 "
	                     "first=inner_pointer interior=1") +
	                100;
	outer_pointer = make("outer", 600, "reach=possible roots=1 path=root length=1 interior=1");
	outer_pointer[10] = make("outer-held", 64,
	                         "reach=possible roots=0 blocks=1 path=root length=2");
	outer_pointer++;
}

static void mappings(void)
{
	void **map = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                  0);
	char *none = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	map[7] = make("big", 1 << 20, "reach=reachable roots=1 path=root length=1 first=anonymous");
	map[8] = make("held-by-map", 184, "reach=reachable roots=1 blocks=0 path=root length=1");
	printf("map-word %p kind=mapping mapping=anonymous saved=1\n", (void *)&map[7]);
	printf("no-access %p kind=mapping mapping=no-access|anonymous\n", (void *)none);
	munmap(none + 8192, 4096);
	printf("unmapped %p kind=unmapped\n", (void *)(none + 8192 + 16));
}

__attribute__((noinline)) static void wait_here(int number)
{
	void *volatile local = make(number ? "frame-block-1" : "frame-block-0", 200,
	                            "reach=reachable path=root length=1");

	printf("frame-word-%d %p kind=stack tid=%d function=wait_here\n", number, (void *)&local,
	       tid());
	printf("unused-%d %p kind=unused-stack tid=%d\n", number, (char *)&local - 65536, tid());
	pthread_barrier_wait(&all_there);
	for (;;)
		pause();
}

__attribute__((noinline)) static void outer_frame(int number)
{
	volatile uint64_t here[16] = { 1 };

	printf("outer-word-%d %p kind=stack tid=%d function=outer_frame\n", number,
	       (void *)&here[8], tid());
	wait_here(number);
	__asm__ volatile("" : : "r"(here) : "memory");
}

static void *sleeper(void *number)
{
	thread_word = make(number ? "tls-block-1" : "tls-block-0", 333,
	                   "reach=reachable path=root length=1 first=TLS");
	printf("tls-word %p kind=tls tid=%d\n", (void *)&thread_word, tid());
	sweep();
	outer_frame(number != NULL);
	return NULL;
}

static void *leaver(void *arg)
{
	void *volatile local = make("lost-with-thread", 444,
	                            "reach=definite roots=0 blocks=0 path=none");

	printf("exited-word %p kind=exited-stack saved=1\n", (void *)&local);
	__asm__ volatile("" : : "r"(local) : "memory");
	return arg;
}

static void sums(void)
{
	struct mallinfo2 m;

	malloc_info(0, stderr);
	m = mallinfo2();
	printf("mallinfo2 0 arena=%zu hblks=%zu hblkhd=%zu uordblks=%zu fordblks=%zu "
	       "keepcost=%zu\n",
	       m.arena, m.hblks, m.hblkhd, m.uordblks, m.fordblks, m.keepcost);
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 2;
	pthread_t t;
	void *p;

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	pthread_barrier_init(&all_there, NULL, (unsigned)threads + 1);
	leaks();
	sweep();
	kept();
	sweep();
	mappings();
	p = malloc(200);
	printf("cached %p kind=block state=free size=%zu list=tcache roots=1\n", p,
	       malloc_usable_size(p));
	dangling = opaque(p);
	printf("header %p kind=chunk-header state=used\n", (void *)((char *)list_head - 8));
	printf("list-word %p kind=module symbol=list_head\n", (void *)&list_head);
	printf("code %p kind=module symbol=main\n", (void *)((char *)main + 8));
	printf("library-code %p kind=module symbol=malloc|__libc_malloc module=libc.so.6\n",
	       (void *)malloc);
	for (long i = 0; i < threads; i++)
		pthread_create(&t, NULL, sleeper, (void *)(i & 1));
	if (threads)
		pthread_barrier_wait(&all_there);
	pthread_create(&t, NULL, leaver, NULL);
	pthread_join(t, NULL);
	free(dangling);
	printf("freed-holder %p kind=block state=free list=unsorted roots=1\n", freed_holder);
	free(freed_holder);
	sweep();
	sums();
	printf("ready 0\n");
	fflush(stdout);
	for (;;)
		pause();
}
