/*
 * crew: threads for one piece of work, started and ended with it. Whoever shares work out does so
 * by a counter or lock of its own: a crew may get fewer threads than were asked for.
 */
#ifndef FORMATS_CREW_H
#define FORMATS_CREW_H

#include <stdbool.h>

/* A thread that was started, or not. */
struct hand {
	void (*work)(void *of);
	void *of;
	unsigned long thread; /* pthread_t */
	bool started;
};

/* Has work(of) done by another thread. False, and nothing is done, if the system gives none. */
bool hand_start(struct hand *hand, void (*work)(void *of), void *of);
/* Waits for the end of it; does nothing if it was not started. */
void hand_wait(struct hand *hand);

#endif
