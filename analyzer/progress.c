/*
 * A timer's signal writes the line, so that the stages need not know of it. What the handler uses
 * is prepared beforehand: it calls write() alone.
 */
#include "analyzer/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char line[160];
static size_t line_size;
static volatile sig_atomic_t shown;

static void tick(int sig)
{
	static const char turn[] = "|/-\\";
	int saved = errno;
	char end[] = " ?\33[K";

	(void)sig;
	end[1] = turn[shown % 4];
	shown = shown + 1;
	if (write(STDERR_FILENO, line, line_size) < 0 || write(STDERR_FILENO, end, 5) < 0)
		shown = 0;
	errno = saved;
}

void progress_start(const char *what)
{
	struct itimerval every = { { 1, 0 }, { 1, 0 } };
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	int n;

	if (!isatty(STDERR_FILENO))
		return;
	n = snprintf(line, sizeof(line), "\rcoreheap: %.120s", what);
	line_size = n > 0 ? strnlen(line, sizeof(line)) : 0;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) == 0)
		setitimer(ITIMER_REAL, &every, NULL);
}

void progress_stop(void)
{
	static const struct itimerval never;
	static const char wipe[] = "\r\33[K";

	if (!line_size)
		return;
	setitimer(ITIMER_REAL, &never, NULL);
	line_size = 0;
	if (shown && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) < 0)
		shown = 0;
}
