/*
 * base: what every layer needs and nothing more: addresses of the dead process, errors, memory,
 * growable arrays, overflow-checked arithmetic. It knows no file format and no allocator.
 */
#ifndef FORMATS_BASE_H
#define FORMATS_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An address in the dead process. Never cast to a pointer: cross over with core_at/core_read. */
typedef uint64_t vaddr;

/* Why something cannot proceed: what, why and the remedy; complete, without a newline. */
struct err {
	char msg[1024];
};

/* Writes the message and returns false, so that `return err_set(err, ...)` reads well. err may be
 * NULL. */
bool err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Memory. None of these returns NULL: where the system has no more, the handler set with
 * mem_on_exhausted (it must not return) is called with the number of bytes wanted.
 */
void mem_on_exhausted(void (*handler)(size_t bytes));
void *mem_alloc(size_t count, size_t size); /* zeroed; count * size is checked for overflow */
void *mem_grow(void *p, size_t count, size_t size); /* realloc; what is new is not zeroed */
void mem_free(void *p);                             /* accepts NULL */

/*
 * Big zeroed arrays that are mostly left untouched: pages that are never written cost nothing.
 * Freed with the same byte count.
 */
void *mem_lazy(size_t bytes);
void *mem_sparse(size_t bytes); /* the same, where few pages are written, here and there */
void mem_lazy_clear(void *p, size_t bytes); /* all zero again, at no cost */
void mem_lazy_free(void *p, size_t bytes);

/* After much was freed that was allocated piece by piece: the system has it back. */
void mem_trim(void);

/* Small things that live as long as their owner: freed all at once. */
struct pool {
	struct pool_block *last;
};
void *pool_alloc(struct pool *pool, size_t bytes); /* zeroed, aligned to 16 */
char *pool_copy(struct pool *pool, const char *s); /* of a string; NULL of NULL */
char *pool_strndup(struct pool *pool, const char *s,
                   size_t max); /* copies up to a NUL or max bytes */
char *pool_printf(struct pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pool_free(struct pool *pool);

/*
 * Growable array: declare `struct { T *v; size_t n, cap; } name;` (or use ARRAY(T)), append with
 * array_push, free with array_free. Indices are size_t.
 */
#define ARRAY(T)            \
	struct {            \
		T *v;       \
		size_t n;   \
		size_t cap; \
	}
#define array_push(a, item)                                               \
	do {                                                              \
		if ((a)->n == (a)->cap) {                                 \
			size_t cap_ = (a)->cap ? (a)->cap * 2 : 16;       \
			(a)->v = mem_grow((a)->v, cap_, sizeof(*(a)->v)); \
			(a)->cap = cap_;                                  \
		}                                                         \
		(a)->v[(a)->n++] = (item);                                \
	} while (0)
#define array_free(a)                  \
	do {                           \
		mem_free((a)->v);      \
		(a)->v = NULL;         \
		(a)->n = (a)->cap = 0; \
	} while (0)

/* True when [at, at + len) lies within [start, end); no overflow whatever the numbers. */
static inline bool range_holds(vaddr start, vaddr end, vaddr at, uint64_t len)
{
	return at >= start && at <= end && len <= end - at;
}

/* a must be a power of two. round_up wraps to 0 at the top of the address space. */
static inline uint64_t round_down(uint64_t n, uint64_t a)
{
	return n & ~(a - 1);
}
static inline uint64_t round_up(uint64_t n, uint64_t a)
{
	return (n + a - 1) & ~(a - 1);
}

/*
 * The first index in [from, to) of which `holds`, an expression in `i`, is true; `to` if there is
 * none. Where it is true it must be so to the end. O(log n).
 */
#define first_where(i, from, to, holds)                   \
	({                                                \
		size_t lo_ = (from), hi_ = (to);          \
		while (lo_ < hi_) {                       \
			size_t i = lo_ + (hi_ - lo_) / 2; \
			if (holds)                        \
				hi_ = i;                  \
			else                              \
				lo_ = i + 1;              \
		}                                         \
		lo_;                                      \
	})

/*
 * Index of the first of n entries v[], sorted by the member named, that lies behind at; n if there
 * is none. Of ranges that do not overlap, by their ends: the one that may hold at. By what entries
 * begin with: the index behind the last that begins at or below at.
 */
#define first_behind(v, n, member, at) first_where(i_, 0, n, (v)[i_].member > (at))

/* What follows the last slash of a path; all of it where nothing does. */
static inline const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Little-endian loads from any alignment (the dead process may differ from us in nothing but that).
 */
static inline uint64_t load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}
static inline uint32_t load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}
static inline uint16_t load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}
/* A word of 8 or 4 bytes. */
static inline uint64_t load_word(const void *p, unsigned word)
{
	return word == 8 ? load64(p) : load32(p);
}

#endif
