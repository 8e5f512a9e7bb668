/*
 * crew: threads for one piece of work, started and ended with it. A crew may get fewer threads than
 * were asked for.
 */
#ifndef FORMATS_CREW_H
#define FORMATS_CREW_H

#include <stdbool.h>
#include <stddef.h>

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

/*
 * Has work(of, first, end) done for all of [0, n), in pieces of this many, by up to threads threads
 * at a time, the caller's being one. Which thread does what is not determined.
 */
void crew_share(unsigned threads, size_t n, size_t piece,
                void (*work)(void *of, size_t first, size_t end), void *of);

#endif
