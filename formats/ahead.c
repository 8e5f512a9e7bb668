#include "formats/ahead.h"
#include "formats/crew.h"
#include "formats/written.h"

#include <pthread.h>

#define WINDOW (UINT64_C(2) << 20) /* bytes mapped at a time */
#define LEAD   64                  /* windows that the second thread may be in front */
#define WORTH  32                  /* windows that are worth a second thread */

struct window {
	vaddr start, end;
	bool taken; /* by one of the two threads, to be mapped */
};

struct ahead {
	const struct core *core;
	ARRAY(struct window) windows;
	size_t at; /* the reader's window */
	bool ended;
	unsigned threads;
	bool running; /* the reader has begun */
	pthread_mutex_t lock;
	pthread_cond_t moved; /* the reader went on, or ended */
	struct hand hand;
};

struct ahead *ahead_open(const struct core *core, unsigned threads)
{
	struct ahead *a = mem_alloc(1, sizeof(*a));

	a->core = core;
	a->threads = threads;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	return a;
}

void ahead_add(struct ahead *a, vaddr start, vaddr end)
{
	while (start < end) {
		vaddr stop = round_down(start, WINDOW) + WINDOW;

		if (stop > end || stop < start)
			stop = end;
		array_push(&a->windows, ((struct window){ .start = start, .end = stop }));
		start = stop;
	}
}

/* The first window from this one on that nobody has taken yet, now taken. Called with the lock. */
static bool take(struct ahead *a, size_t *i)
{
	while (*i < a->windows.n && a->windows.v[*i].taken)
		++*i;
	if (*i >= a->windows.n)
		return false;
	a->windows.v[*i].taken = true;
	return true;
}

static void map(const struct ahead *a, size_t i)
{
	core_will_read(a->core, a->windows.v[i].start, a->windows.v[i].end);
}

/* The second thread. */
static void work(void *ahead)
{
	struct ahead *a = ahead;
	size_t i = 0;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		if (i <= a->at)
			i = a->at + 1;
		while (!a->ended && i > a->at + LEAD)
			pthread_cond_wait(&a->moved, &a->lock);
		if (a->ended || !take(a, &i))
			break;
		pthread_mutex_unlock(&a->lock);
		map(a, i);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
}

vaddr ahead_reach(struct ahead *a, vaddr at)
{
	bool mine;
	size_t i;

	if (!a->running) {
		a->running = true;
		if (a->threads > 1 && a->windows.n >= WORTH)
			hand_start(&a->hand, work, a);
	}
	pthread_mutex_lock(&a->lock);
	i = a->at;
	if (i >= a->windows.n || at < a->windows.v[i].start || at >= a->windows.v[i].end)
		i = first_behind(a->windows.v, a->windows.n, end, at);
	mine = i < a->windows.n && at >= a->windows.v[i].start && !a->windows.v[i].taken;
	if (mine)
		a->windows.v[i].taken = true;
	a->at = i;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	if (i >= a->windows.n || at < a->windows.v[i].start)
		return round_down(at, WINDOW) + WINDOW;
	if (mine)
		map(a, i);
	return a->windows.v[i].end;
}

void ahead_close(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->ended = true;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	hand_wait(&a->hand);
	pthread_cond_destroy(&a->moved);
	pthread_mutex_destroy(&a->lock);
	array_free(&a->windows);
	mem_free(a);
}
