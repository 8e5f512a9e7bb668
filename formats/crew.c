#include "formats/crew.h"

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
