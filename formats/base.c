#include "formats/base.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static void die_exhausted(size_t bytes)
{
	fprintf(stderr, "coreheap: out of memory (%zu bytes wanted)\n", bytes);
	_Exit(70);
}

static void (*on_exhausted)(size_t bytes) = die_exhausted;

void mem_on_exhausted(void (*handler)(size_t bytes))
{
	on_exhausted = handler;
}

static void exhausted(size_t bytes)
{
	on_exhausted(bytes);
	abort(); /* the handler must not return */
}

bool err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return false;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return false;
}

void *mem_alloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		exhausted(count * size);
	return p;
}

void *mem_grow(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		exhausted(SIZE_MAX);
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		exhausted(bytes);
	return p;
}

void mem_free(void *p)
{
	free(p);
}

#define HUGE_FROM ((size_t)16 << 20)

void *mem_lazy(size_t bytes)
{
	void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		exhausted(bytes);
	if (bytes >= HUGE_FROM)
		madvise(p, bytes, MADV_HUGEPAGE); /* looked up at random: fewer TLB misses; no harm
		                                     if refused */
	return p;
}

void *mem_sparse(size_t bytes)
{
	void *p = mem_lazy(bytes);

	if (bytes >= HUGE_FROM)
		madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

void mem_lazy_clear(void *p, size_t bytes)
{
	if (madvise(p, bytes ? bytes : 1, MADV_DONTNEED)) /* refused where memory is locked */
		memset(p, 0, bytes);
}

void mem_lazy_free(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes ? bytes : 1);
}

void mem_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

#define POOL_BLOCK 4096

struct pool_block {
	struct pool_block *prev;
	size_t used, size; /* bytes of data[] */
	_Alignas(16) unsigned char data[];
};

void *pool_alloc(struct pool *pool, size_t bytes)
{
	struct pool_block *b = pool->last;
	void *p;

	if (bytes > SIZE_MAX / 2)
		exhausted(bytes);
	bytes = round_up(bytes ? bytes : 1, 16);
	if (!b || b->size - b->used < bytes) {
		size_t size = bytes > POOL_BLOCK ? bytes : POOL_BLOCK;

		b = mem_alloc(1, sizeof(*b) + size);
		b->size = size;
		b->prev = pool->last;
		pool->last = b;
	}
	p = b->data + b->used;
	b->used += bytes;
	return p;
}

char *pool_copy(struct pool *pool, const char *s)
{
	return s ? pool_strndup(pool, s, strlen(s)) : NULL;
}

char *pool_strndup(struct pool *pool, const char *s, size_t max)
{
	size_t n = strnlen(s, max);
	char *copy = pool_alloc(pool, n + 1);

	memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	s = pool_alloc(pool, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void pool_free(struct pool *pool)
{
	while (pool->last) {
		struct pool_block *b = pool->last;

		pool->last = b->prev;
		mem_free(b);
	}
}
