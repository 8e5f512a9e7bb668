/*
 * hold: signals wait while a file has a name that nobody would remove if one of them ended us now.
 * Those of this thread: another thread's are not held.
 */
#ifndef FORMATS_HOLD_H
#define FORMATS_HOLD_H

#include <pthread.h>
#include <signal.h>

static inline sigset_t signals_hold(void)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	return before;
}

static inline void signals_release(sigset_t before)
{
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#endif
