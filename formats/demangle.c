#include "formats/demangle.h"

#if __has_include(<libiberty/demangle.h>)
#include <libiberty/demangle.h>
#else /* Fedora's binutils-devel */
#include <demangle.h>
#endif
#include <setjmp.h>

#define MANGLED_MAX   4096  /* bytes of a name that is tried; Boost and Eigen stay below */
#define DEMANGLED_MAX 16384 /* a short name may stand for gigabytes of text */

/*
 * By itself libiberty refuses names of 1024 bytes and more, for fear of the stack: it goes one
 * level deeper for a byte at most, a few hundred bytes of stack each. (Before binutils 2.32 it did
 * not.)
 */
#ifndef DMGL_NO_RECURSE_LIMIT
#define DMGL_NO_RECURSE_LIMIT 0
#endif

struct sink {
	jmp_buf full;
	size_t n;
	char text[DEMANGLED_MAX + 4];
};

/* libiberty cannot be told to stop, but it holds nothing that a jump would lose: all on the stack.
 */
static void take(const char *text, size_t n, void *user)
{
	struct sink *sink = user;

	if (n > DEMANGLED_MAX - sink->n) {
		memcpy(sink->text + sink->n, "...", 3);
		sink->n += 3;
		longjmp(sink->full, 1);
	}
	memcpy(sink->text + sink->n, text, n);
	sink->n += n;
}

/* Rust's own bounds depth. Its older names look like C++'s, and end in a hash. */
static bool fill(struct sink *sink, const char *name)
{
	if (setjmp(sink->full))
		return true;
	if (rust_demangle_callback(name, DMGL_PARAMS, take, sink))
		return true;
	sink->n = 0;
	return cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI | DMGL_NO_RECURSE_LIMIT,
	                                  take, sink);
}

const char *demangle(struct pool *pool, const char *name)
{
	const char *found = NULL;
	struct sink *sink;

	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') ||
	    strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	sink = mem_alloc(1, sizeof(*sink));
	if (fill(sink, name))
		found = pool_strndup(pool, sink->text, sink->n);
	mem_free(sink);
	return found;
}
