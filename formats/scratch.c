#include "formats/scratch.h"
#include "formats/store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 65536 /* the largest page of any machine that this runs on */

struct scratch scratch_open(uint64_t bound)
{
	return (struct scratch){ .bound = bound, .fd = -1 };
}

void scratch_close(struct scratch *s)
{
	if (s->fd >= 0)
		close(s->fd);
	array_free(&s->filed);
	*s = scratch_open(0);
}

/* A file in memory, as store.h makes one where it can make no other, would be no gain. */
static void open_file(struct scratch *s)
{
	struct store store;

	s->asked = true;
	if (!store_open(&store, 0, NULL))
		return;
	if (store.in_memory)
		store_close(&store);
	else
		s->fd = store.fd;
}

/* Room is made at once: to find none when a page is written would be a deadly signal. */
static void *take_from_file(struct scratch *s, size_t bytes)
{
	off_t at = (off_t)s->size;
	void *p;

	if (!s->asked)
		open_file(s);
	if (s->fd < 0 || fallocate(s->fd, 0, at, (off_t)bytes))
		return NULL;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, at);
	if (p == MAP_FAILED)
		return NULL;
	s->size += round_up(bytes, PAGE);
	array_push(&s->filed, p);
	return p;
}

uint64_t scratch_left(const struct scratch *s)
{
	return s->taken < s->bound ? s->bound - s->taken : 0;
}

void *scratch_take(struct scratch *s, size_t bytes)
{
	void *p = NULL;

	if (bytes > scratch_left(s))
		p = take_from_file(s, bytes);
	if (p)
		return p;
	s->taken += bytes;
	return mem_lazy(bytes);
}

void scratch_give(struct scratch *s, void *p, size_t bytes)
{
	size_t i = 0;

	if (!p)
		return;
	while (i < s->filed.n && s->filed.v[i] != p)
		i++;
	if (i == s->filed.n) {
		s->taken -= bytes;
	} else {
		madvise(p, bytes, MADV_REMOVE); /* its pages need not be written any more */
		s->filed.v[i] = s->filed.v[--s->filed.n];
	}
	mem_lazy_free(p, bytes);
}
