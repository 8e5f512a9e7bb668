/*
 * A timer's signal writes the line, so that the stages need not know of it. What the handler uses
 * is prepared beforehand or is as simple: numbers are put into words here, and write() writes them.
 */
#include "analyzer/command/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#define SECOND  UINT64_C(1000000000)
#define SETTLED (SECOND / 4) /* of a stage, before which its rate tells nothing */

static char what[128];
static volatile sig_atomic_t running, shown;

/* ---- the text ---- */

struct text {
	char *at;
	size_t n, room; /* room: without the 0 byte */
};

static void put(struct text *t, const char *s)
{
	while (*s && t->n < t->room)
		t->at[t->n++] = *s++;
	t->at[t->n] = 0;
}

static void put_number(struct text *t, uint64_t n)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(t, digits + i);
}

/* Three digits, as text_bytes has them: "1.90 GiB", "512 MiB". */
static void put_bytes(struct text *t, uint64_t bytes)
{
	static const char *const unit[] = { " B", " KiB", " MiB", " GiB", " TiB" };
	uint64_t whole = bytes, rest = 0; /* rest: of 1024 */
	size_t i = 0;

	for (; whole >= 1000 && i < 4; i++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	put_number(t, whole);
	if (i && whole < 100) {
		put(t, ".");
		put_number(t, rest * 10 / 1024);
		if (whole < 10)
			put_number(t, rest * 100 / 1024 % 10);
	}
	put(t, unit[i]);
}

static void put_time(struct text *t, uint64_t seconds)
{
	put_number(t, seconds < 120 ? seconds : seconds / 60);
	put(t, seconds < 120 ? " s" : " min");
}

size_t progress_text(const struct stage *stage, uint64_t clock, char *to, size_t room)
{
	struct text t = { to, 0, room - 1 };
	uint64_t ns = clock > stage->began ? clock - stage->began : 0;
	uint64_t done = stage->all && stage->done > stage->all ? stage->all : stage->done;
	double rate = ns >= SETTLED ? (double)done / (double)ns * 1e9 : 0; /* a second */

	put(&t, stage->name);
	if (stage->all) {
		put(&t, ", ");
		put_number(&t, (uint64_t)((double)done / (double)stage->all * 100));
		put(&t, "%");
	}
	if (rate > 0 && stage->bytes) {
		put(&t, ", ");
		put_bytes(&t, (uint64_t)rate);
		put(&t, "/s");
	}
	if (!stage->all && ns >= SECOND) {
		put(&t, ", ");
		put_time(&t, ns / SECOND);
	}
	if (rate > 0 && stage->all) {
		put(&t, ", ");
		put_time(&t, (uint64_t)((double)(stage->all - done) / rate) + 1);
		put(&t, " left");
	}
	return t.n;
}

/* ---- the line ---- */

/* Columns that may be written to without going on to the next line. */
static size_t columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
		return 79;
	return size.ws_col - 1u;
}

static void tick(int sig)
{
	static const char turn[] = "|/-\\";
	struct stage stage = stage_now();
	int saved = errno;
	char line[256], told[96], mark[3] = " ?";
	struct text t = { line, 0, columns() + 1 }; /* with the \r */

	(void)sig;
	if (t.room > sizeof(line) - 8)
		t.room = sizeof(line) - 8;
	t.room -= 2;
	mark[1] = turn[shown % 4];
	put(&t, "\rcoreheap: ");
	put(&t, what);
	if (stage.name && progress_text(&stage, stage_clock(), told, sizeof(told))) {
		put(&t, ": ");
		put(&t, told);
	}
	while (t.n == t.room && t.room && line[t.n - 1] & 0x80)
		t.n = --t.room; /* no part of a character is left of what was cut */
	t.room = sizeof(line) - 1;
	put(&t, mark);
	put(&t, "\33[K");
	shown = shown + 1; /* first: another signal may end us while it is written */
	if (write(STDERR_FILENO, line, t.n) < 0)
		shown = 0;
	errno = saved;
}

void progress_start(const char *text)
{
	struct itimerval every = { { 0, 250000 }, { 1, 0 } };
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	const char *term = getenv("TERM");

	if (!isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb"))
		return;
	if (snprintf(what, sizeof(what), "%s", text) >= (int)sizeof(what))
		for (size_t n = strlen(what); n && what[n - 1] & 0x80;)
			what[--n] = 0;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0)
		running = 1;
}

void progress_wipe(void)
{
	static const char wipe[] = "\r\33[K";

	if (shown && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) > 0)
		shown = 0;
}

void progress_stop(void)
{
	static const struct itimerval never;

	if (!running)
		return;
	setitimer(ITIMER_REAL, &never, NULL);
	running = 0;
	progress_wipe();
}
