/*
 * The functions that stand before libc's. Each hands its call on as it came, and notes for what
 * comes back where the program called: before a block is freed its entry goes, after it was given
 * its entry comes, so that an address never has two.
 */
#include "preload/intern.h"
#include "preload/map.h"
#include "preload/next.h"
#include "preload/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- notes ---- */

static inline uint32_t caller_id(struct sites_from from)
{
	uint64_t pc = from.pc;

	if (SITES_UNLIKELY(unwind_is_inner(from.pc)))
		pc = unwind_caller(from);
	return intern(sites_hash_end(sites_hash_add(0, pc)), &pc, 1);
}

static inline __attribute__((always_inline)) void note(void *block, size_t size,
                                                       struct sites_from from)
{
	uint32_t id;

	if (SITES_UNLIKELY(!block || !sites.header))
		return;
	if (sites.mode == SITES_SAMPLED && !sites_sampled(size, sites.header->rate))
		return;
	id = sites.mode == SITES_CALLER ? caller_id(from) : unwind_id(from);
	if (SITES_LIKELY(id && (uintptr_t)block < SITES_ADDRESS))
		map_put((uintptr_t)block, id);
	else
		__atomic_add_fetch(&sites.header->lost, 1, __ATOMIC_RELAXED);
}

/* Its record; 0: it had none. */
static inline __attribute__((always_inline)) uint32_t forget(const void *block)
{
	if (SITES_UNLIKELY(!sites.header || (uintptr_t)block >= SITES_ADDRESS))
		return 0;
	return map_take((uintptr_t)block);
}

/* ---- malloc and its kin ---- */

EXPORT void *malloc(size_t size)
{
	void *block;

	if (!next_ready())
		return next_early(size, 16);
	block = next.malloc(size);
	note(block, size, SITES_HERE);
	return block;
}

EXPORT void free(void *block)
{
	if (!block || next_is_early(block))
		return;
	next_ready();
	forget(block);
	next.free(block);
}

EXPORT void *calloc(size_t n, size_t size)
{
	void *block;
	size_t bytes;

	if (!next_ready()) /* the buffer is zero, and nothing in it is used twice */
		return __builtin_mul_overflow(n, size, &bytes) ? NULL : next_early(bytes, 16);
	block = next.calloc(n, size);
	note(block, n * size, SITES_HERE);
	return block;
}

static void *resize(void *old, size_t size, struct sites_from from)
{
	uint32_t before;
	void *block;

	if (next_is_early(old)) {
		size_t most = sizeof(next_buffer) - (size_t)((char *)old - next_buffer);

		block = next_ready() ? next.malloc(size) : next_early(size, 16);
		if (block)
			memcpy(block, old, size < most ? size : most);
		return block;
	}
	if (!next_ready())
		return next_early(size, 16);
	before = old ? forget(old) : 0;
	block = next.realloc(old, size);
	if (block)
		note(block, size, from);
	else if (before && size) /* it failed, and the old block stays */
		map_put((uintptr_t)old, before);
	return block;
}

EXPORT void *realloc(void *old, size_t size)
{
	return resize(old, size, SITES_HERE);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return resize(old, bytes, SITES_HERE);
}

void *memalign(size_t align, size_t size);
EXPORT void *memalign(size_t align, size_t size)
{
	void *block;

	if (!next_ready())
		return next_early(size, align);
	block = next.memalign(align, size);
	note(block, size, SITES_HERE);
	return block;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	void *block;

	if (!next_ready())
		return next_early(size, align);
	block = next.aligned_alloc(align, size);
	note(block, size, SITES_HERE);
	return block;
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	int error;

	if (!next_ready()) {
		*out = next_early(size, align);
		return *out ? 0 : ENOMEM;
	}
	error = next.posix_memalign(out, align, size);
	if (!error)
		note(*out, size, SITES_HERE);
	return error;
}

EXPORT void *valloc(size_t size)
{
	void *block;

	if (!next_ready())
		return NULL;
	block = next.valloc(size);
	note(block, size, SITES_HERE);
	return block;
}

void *pvalloc(size_t size);
EXPORT void *pvalloc(size_t size)
{
	void *block;

	if (!next_ready())
		return NULL;
	block = next.pvalloc(size);
	note(block, size, SITES_HERE);
	return block;
}

/* C23; glibc has them since 2.43. */
void free_sized(void *block, size_t size);
EXPORT void free_sized(void *block, size_t size)
{
	if (!block || next_is_early(block))
		return;
	next_ready();
	forget(block);
	if (next.free_sized)
		next.free_sized(block, size);
	else
		next.free(block);
}

void free_aligned_sized(void *block, size_t align, size_t size);
EXPORT void free_aligned_sized(void *block, size_t align, size_t size)
{
	if (!block || next_is_early(block))
		return;
	next_ready();
	forget(block);
	if (next.free_aligned_sized)
		next.free_aligned_sized(block, align, size);
	else
		next.free(block);
}

/* ---- what tells of stacks and code ---- */

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*routine)(void *), void *argument)
{
	pthread_attr_t plain;
	size_t size = 0;
	int error;

	next_ready();
	if (!next.pthread_create) { /* before 2.34 it came with libpthread, maybe later than we */
		void *f = dlsym(RTLD_NEXT, "pthread_create");

		memcpy(&next.pthread_create, &f, sizeof(f));
	}
	error = next.pthread_create(thread, attributes, routine, argument);
	if (error || sites.mode == SITES_CALLER)
		return error;
	if (attributes) {
		pthread_attr_getstacksize(attributes, &size);
	} else if (!pthread_attr_init(&plain)) {
		pthread_attr_getstacksize(&plain, &size);
		pthread_attr_destroy(&plain);
	}
	stack_of_thread((uintptr_t)*thread, size);
	return 0;
}

EXPORT int dlclose(void *handle)
{
	int error;

	next_ready();
	error = next.dlclose(handle);
	unwind_forget();
	return error;
}
