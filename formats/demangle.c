#include "formats/demangle.h"

#if __has_include(<libiberty/demangle.h>)
#include <libiberty/demangle.h>
#else /* Fedora's binutils-devel */
#include <demangle.h>
#endif
#include <setjmp.h>

#define MANGLED_MAX   4096 /* bytes of a name that is tried; Boost and Eigen stay below */
#define DEMANGLED_MAX 4096 /* a short name may stand for gigabytes of text */

struct sink {
	jmp_buf full;
	size_t n;
	char text[DEMANGLED_MAX + 1];
};

/* libiberty cannot be told to stop, but it holds nothing that a jump would lose: all on the stack.
 */
static void take(const char *text, size_t n, void *user)
{
	struct sink *sink = user;

	if (n > DEMANGLED_MAX - sink->n)
		longjmp(sink->full, 1);
	memcpy(sink->text + sink->n, text, n);
	sink->n += n;
}

static bool fill(struct sink *sink, const char *name)
{
	if (setjmp(sink->full))
		return false;
	return cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI, take, sink);
}

const char *demangle(struct pool *pool, const char *name)
{
	const char *found = NULL;
	struct sink *sink;

	if (name[0] != '_' || name[1] != 'Z' || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	sink = mem_alloc(1, sizeof(*sink));
	if (fill(sink, name))
		found = pool_strndup(pool, sink->text, sink->n);
	mem_free(sink);
	return found;
}
