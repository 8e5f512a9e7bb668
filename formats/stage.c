#include "formats/stage.h"

#include <time.h>

static struct stage now;

uint64_t stage_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A handler that comes in between finds no stage, or one that has just begun. */
static struct stage take_up(const struct stage *next, bool ends)
{
	struct stage before = stage_now();

	if (before.alone && !ends)
		return before;
	__atomic_store_n(&now.name, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&now.all, next->all, __ATOMIC_RELAXED);
	__atomic_store_n(&now.done, next->done, __ATOMIC_RELAXED);
	__atomic_store_n(&now.began, next->began, __ATOMIC_RELAXED);
	__atomic_store_n(&now.bytes, next->bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&now.alone, next->alone, __ATOMIC_RELAXED);
	__atomic_store_n(&now.name, next->name, __ATOMIC_SEQ_CST);
	return before;
}

struct stage stage_bytes(const char *name, uint64_t bytes)
{
	return take_up(&(struct stage){ name, bytes, 0, stage_clock(), true, false }, false);
}

struct stage stage_steps(const char *name, uint64_t steps)
{
	return take_up(&(struct stage){ name, steps, 0, stage_clock(), false, false }, false);
}

struct stage stage_alone(const char *name)
{
	return take_up(&(struct stage){ name, 0, 0, stage_clock(), false, true }, false);
}

void stage_end(struct stage outer)
{
	if (!outer.alone) /* else it goes on */
		take_up(&outer, true);
}

void stage_add(uint64_t done)
{
	__atomic_fetch_add(&now.done, done, __ATOMIC_RELAXED);
}

struct stage stage_now(void)
{
	return (struct stage){
		.name = __atomic_load_n(&now.name, __ATOMIC_SEQ_CST),
		.all = __atomic_load_n(&now.all, __ATOMIC_RELAXED),
		.done = __atomic_load_n(&now.done, __ATOMIC_RELAXED),
		.began = __atomic_load_n(&now.began, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&now.bytes, __ATOMIC_RELAXED),
		.alone = __atomic_load_n(&now.alone, __ATOMIC_RELAXED),
	};
}
