#include "formats/crew.h"
#include "formats/base.h"

#include <pthread.h>

static void *run(void *hand)
{
	struct hand *h = hand;

	h->work(h->of);
	return NULL;
}

bool hand_start(struct hand *hand, void (*work)(void *of), void *of)
{
	pthread_t thread;

	*hand = (struct hand){ .work = work, .of = of };
	hand->started = pthread_create(&thread, NULL, run, hand) == 0;
	if (hand->started)
		hand->thread = thread;
	return hand->started;
}

void hand_wait(struct hand *hand)
{
	if (hand->started)
		pthread_join(hand->thread, NULL);
	hand->started = false;
}

struct share {
	void (*work)(void *of, size_t first, size_t end);
	void *of;
	size_t n, piece, next;
};

static void take_pieces(void *share)
{
	struct share *s = share;
	size_t i;

	while ((i = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED)) * s->piece < s->n) {
		size_t first = i * s->piece;

		s->work(s->of, first, s->n - first < s->piece ? s->n : first + s->piece);
	}
}

void crew_share(unsigned threads, size_t n, size_t piece,
                void (*work)(void *of, size_t first, size_t end), void *of)
{
	struct share s = { .work = work, .of = of, .n = n, .piece = piece };
	struct hand *hand = NULL;
	unsigned started = 0;

	if (threads > 1 && n > piece)
		hand = mem_alloc(threads, sizeof(*hand));
	while (hand && started + 1 < threads && hand_start(&hand[started], take_pieces, &s))
		started++;
	take_pieces(&s);
	while (started)
		hand_wait(&hand[--started]);
	mem_free(hand);
}
