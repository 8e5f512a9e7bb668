/*
 * kept: allocates in every way there is and says where: a line a block, `ADDRESS FUNCTION CALLER`:
 * which function of this program asked for it, and who called that. Then it ends by abort(), or
 * waits (`kept [stacks] wait`). Some blocks are lost, some were freed or grew.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP 4000

static int stacks; /* more than the caller is kept: wrappers can be told */
static void *volatile kept[KEEP];
static size_t nkept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NOINLINE __attribute__((noinline, noclone))

/* No call in between: what was asked for in `function` is noted by its caller. */
static void note(void *block, const char *function, const char *caller)
{
	pthread_mutex_lock(&lock);
	printf("%p %s %s\n", block, function, caller);
	if (nkept < KEEP)
		kept[nkept++] = block;
	pthread_mutex_unlock(&lock);
}

static NOINLINE void *plain(size_t n)
{
	void *volatile p = malloc(n);

	return p;
}

static NOINLINE void *zeroed(size_t n)
{
	void *volatile p = calloc(n, 3);

	return p;
}

static NOINLINE void *grown(size_t n)
{
	void *volatile p = plain(n);

	p = realloc(p, n + 1);
	p = realloc(p, n * 20);
	return p;
}

static NOINLINE void *array(size_t n)
{
	void *volatile p = reallocarray(NULL, n, 2);

	return p;
}

static NOINLINE void *aligned(size_t n)
{
	void *volatile p = memalign(64, n);

	return p;
}

static NOINLINE void *aligned_c11(size_t n)
{
	void *volatile p = aligned_alloc(32, (n + 31) & ~(size_t)31);

	return p;
}

static NOINLINE void *aligned_posix(size_t n)
{
	void *p = NULL;

	if (posix_memalign(&p, 128, n))
		abort();
	return p;
}

static NOINLINE void *paged(size_t n)
{
	void *volatile p = valloc(n);

	return p;
}

/* libc calls malloc for these: it is not the site. */
static NOINLINE void *copied(size_t n)
{
	char text[200];
	void *volatile p;

	memset(text, 'a', sizeof(text));
	text[n % 190 + 1] = '\0';
	p = strdup(text);
	return p;
}

static NOINLINE void *printed(size_t n)
{
	char *p;

	if (asprintf(&p, "%zu %s %0150d", n, "text", 7) < 0)
		abort();
	return p;
}

/* A wrapper is not the site either. */
static NOINLINE void *xmalloc(size_t n)
{
	void *volatile p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

static NOINLINE void *wrapped(size_t n)
{
	void *volatile p = xmalloc(n);

	return p;
}

/* Freed, and given out again to another site. */
static NOINLINE void *second(size_t n)
{
	void *volatile p = malloc(n);
	void *volatile q;

	free(p);
	q = malloc(n);
	return q;
}

#define EACH(F)                                                                  \
	F(plain) F(zeroed) F(grown) F(array) F(aligned) F(aligned_c11)           \
	F(aligned_posix) F(paged) F(copied) F(printed) F(second)

#define NOTE(function) note(function(n + 24), #function, caller);

static NOINLINE void all(size_t n, const char *caller)
{
	EACH(NOTE)
	if (stacks)
		NOTE(wrapped)
}

static NOINLINE void one(size_t n)
{
	all(n, "all");
}

static NOINLINE void deep(unsigned depth, size_t n)
{
	if (depth)
		deep(depth - 1, n);
	else
		one(n);
	__asm__ volatile("" ::: "memory");
}

static void *work(void *arg)
{
	for (size_t n = 0; n < 20; n++)
		deep((unsigned)n, n * 40 + (size_t)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[3];
	pthread_attr_t small;

	for (int i = 1; i < argc; i++)
		stacks |= !strcmp(argv[i], "stacks");
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	work((void *)1);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 << 10);
	for (size_t i = 0; i < 3; i++)
		pthread_create(&thread[i], i ? &small : NULL, work, (void *)(i * 3));
	for (size_t i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	kept[3] = kept[5] = kept[700] = NULL; /* lost */
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[argc - 1], "wait"))
		pause();
	abort();
}
