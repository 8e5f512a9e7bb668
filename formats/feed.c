#include "formats/feed.h"
#include "formats/crew.h"
#include "formats/written.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define GRAIN  UINT64_C(4096)    /* of direct reads: no disk has larger sectors */
#define STRIDE (2 * FEED_WINDOW) /* from buffer to buffer */
#define HANDS  2 /* that read: the disk has the next request when it is done with one */

struct window {
	vaddr start, end;
};

struct feed {
	const struct core *core;
	feed_arrived *arrived;
	void *of;
	int fd;       /* that reads past the page cache; -1: there is none */
	bool refused; /* it does not, after all */
	ARRAY(struct window) windows;
	uint8_t *mem; /* of all buffers */
	size_t bytes;
	unsigned nfree;
	uint8_t **free;
	size_t next, arrives; /* windows: to be read; to arrive, in order */
	pthread_mutex_t lock; /* of nfree, free, next, arrives */
	pthread_cond_t returned, moved;
	struct hand hand[HANDS];
};

/* The file once more, without its name: it may have none, or be another one's by now. */
static int open_direct(const struct core *core)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", core->fd);
	return open(name, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

struct feed *feed_open(const struct core *core, unsigned buffers, feed_arrived *arrived, void *of)
{
	struct feed *f = mem_alloc(1, sizeof(*f));
	uintptr_t first;

	f->core = core;
	f->arrived = arrived;
	f->of = of;
	f->fd = open_direct(core);
	f->bytes = (buffers + 1) * STRIDE;
	f->mem = mem_lazy(f->bytes);
	f->free = mem_alloc(buffers, sizeof(*f->free));
	first = round_up((uintptr_t)f->mem, FEED_WINDOW);
	madvise(f->mem, f->bytes, MADV_NOHUGEPAGE); /* of a tail little is used */
	for (; f->nfree < buffers; f->nfree++) {
		uint8_t *b = f->mem + (first - (uintptr_t)f->mem) + f->nfree * STRIDE;

		/* in one piece of memory, a window is a single request to the disk */
		madvise(b, FEED_WINDOW, MADV_HUGEPAGE);
		f->free[f->nfree] = b;
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->returned, NULL);
	pthread_cond_init(&f->moved, NULL);
	return f;
}

void feed_add(struct feed *feed, vaddr start, vaddr end)
{
	array_push(&feed->windows, ((struct window){ start, end }));
}

/* Where the byte is in the file; SEG none: UINT64_MAX. */
static uint64_t offset_of(const struct core *core, vaddr at)
{
	const struct segment *s = core_segment(core, at);

	return s && s->mem && at < s->saved_end ? s->offset + (at - s->start) : UINT64_MAX;
}

vaddr feed_window_end(const struct core *core, vaddr start, vaddr end)
{
	uint64_t offset = offset_of(core, start), room = FEED_WINDOW - offset % FEED_WINDOW;

	return offset == UINT64_MAX || end - start <= room ? end : start + room;
}

/* The next window to be read, and a buffer for it; so windows get theirs in order. */
static bool take(struct feed *f, size_t *window, uint8_t **buffer)
{
	pthread_mutex_lock(&f->lock);
	while (!f->nfree && f->next < f->windows.n)
		pthread_cond_wait(&f->returned, &f->lock);
	*window = f->next;
	if (f->next < f->windows.n) {
		f->next++;
		*buffer = f->free[--f->nfree];
	}
	pthread_mutex_unlock(&f->lock);
	return *window < f->windows.n;
}

static uint8_t *buffer_of(const struct feed *f, const uint8_t *mem)
{
	return f->mem + round_down((uintptr_t)mem, FEED_WINDOW) - (uintptr_t)f->mem;
}

void feed_take_back(struct feed *f, uint8_t *mem)
{
	if (!mem)
		return;
	pthread_mutex_lock(&f->lock);
	f->free[f->nfree++] = buffer_of(f, mem);
	pthread_cond_signal(&f->returned);
	pthread_mutex_unlock(&f->lock);
}

/* Reads at least n bytes, all of [from, from + n) in whole grains. */
static bool read_from(int fd, uint8_t *to, uint64_t from, uint64_t n)
{
	uint64_t got = 0;

	while (got < n) {
		ssize_t some = pread(fd, to + got, round_up(n - got, GRAIN), (off_t)(from + got));

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return false;
		got += (uint64_t)some;
	}
	return true;
}

/* False: it is to be read otherwise. */
static bool read_window(struct feed *f, uint64_t offset, uint64_t n, uint8_t *buffer)
{
	uint64_t lead = offset % GRAIN;

	if (f->fd >= 0 && !__atomic_load_n(&f->refused, __ATOMIC_RELAXED) &&
	    read_from(f->fd, buffer, offset - lead, n + lead))
		return true;
	/* not every file system that opens such a file reads it */
	__atomic_store_n(&f->refused, true, __ATOMIC_RELAXED);
	if (!read_from(f->core->fd, buffer, offset - lead, n + lead))
		return false;
	posix_fadvise(f->core->fd, (off_t)(offset - lead), (off_t)(n + lead), POSIX_FADV_DONTNEED);
	return true;
}

/* Reads the window; NULL: it has nothing, or that cannot be had, and the buffer is taken back. */
static uint8_t *fetch(struct feed *f, const struct window *w, uint8_t *buffer)
{
	uint64_t offset = offset_of(f->core, w->start), n = w->end - w->start;
	vaddr at = w->start, stop;

	if (w->start < w->end && offset != UINT64_MAX && core_at(f->core, w->start, n) &&
	    n <= FEED_WINDOW - offset % GRAIN && core_written(f->core, &at, w->end, &stop) &&
	    read_window(f, offset, n, buffer))
		return buffer + offset % GRAIN;
	feed_take_back(f, buffer);
	return NULL;
}

/* One of the feeding threads. */
static void work(void *feed)
{
	struct feed *f = feed;
	uint8_t *buffer = NULL, *mem;
	size_t i;

	while (take(f, &i, &buffer)) {
		mem = fetch(f, &f->windows.v[i], buffer);
		pthread_mutex_lock(&f->lock);
		while (f->arrives != i)
			pthread_cond_wait(&f->moved, &f->lock);
		pthread_mutex_unlock(&f->lock);
		f->arrived(f->of, i, mem);
		pthread_mutex_lock(&f->lock);
		f->arrives++;
		pthread_cond_broadcast(&f->moved);
		pthread_mutex_unlock(&f->lock);
	}
}

bool feed_start(struct feed *feed)
{
	for (int i = 0; i < HANDS; i++)
		if (!hand_start(&feed->hand[i], work, feed))
			return i > 0;
	return true;
}

void feed_close(struct feed *f)
{
	for (int i = 0; i < HANDS; i++)
		hand_wait(&f->hand[i]);
	if (f->fd >= 0)
		close(f->fd);
	pthread_cond_destroy(&f->moved);
	pthread_cond_destroy(&f->returned);
	pthread_mutex_destroy(&f->lock);
	array_free(&f->windows);
	mem_lazy_free(f->mem, f->bytes);
	mem_free(f->free);
	mem_free(f);
}
