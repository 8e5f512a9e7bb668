#include "analyzer/command/out.h"
#include "analyzer/command/progress.h"
#include "analyzer/report/text.h"
#include "formats/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER 65536

/* The temporary file to remove where a signal ends us; NULL: none. */
static char *volatile unfinished;

void out_abandon(void)
{
	if (unfinished)
		unlink(unfinished);
}

void out_end_by_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	_exit(128 + SIGPIPE);
}

static void clean_up(int sig)
{
	out_abandon();
	progress_wipe();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A signal that ends us leaves neither a part of the output nor a line on the terminal. */
static void guard_against_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct sigaction now;

		/* nohup and background jobs ignore some of these: that stays */
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			signal(ends[i], clean_up);
	}
}

static bool wants_color(enum color color, int fd)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	if (no && *no)
		return false;
	return isatty(fd) && term && strcmp(term, "dumb");
}

static unsigned terminal_width(int fd)
{
	struct winsize size;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

/* What lies between a path's folder and its last name: the temporary file goes into that folder. */
static char *temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	char *name = mem_alloc(dir + sizeof(".coreheap.XXXXXX"), 1);

	memcpy(name, path, dir);
	strcpy(name + dir, ".coreheap.XXXXXX");
	return name;
}

static bool open_file(struct out *out, const char *path, struct err *err)
{
	struct stat st;
	bool there = lstat(path, &st) == 0;
	sigset_t before;

	if (there && S_ISDIR(st.st_mode))
		return err_set(err, "cannot write %s: it is a directory; give a file name after -o",
		               path);
	if (there && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		out->fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
		if (out->fd < 0)
			return err_set(err, "cannot write %s: %s", path, strerror(errno));
		return true;
	}
	out->temporary = temporary_name(path);
	before = signals_hold();
	out->fd = mkostemp(out->temporary, O_CLOEXEC);
	if (out->fd >= 0)
		unfinished = out->temporary;
	signals_release(before);
	if (out->fd < 0) {
		int e = errno;

		mem_free(out->temporary);
		out->temporary = NULL;
		return err_set(err, "cannot write %s: %s (a new file is first written beside it)",
		               path, strerror(e));
	}
	return true;
}

bool out_open(struct out *out, const char *path, enum color color, struct err *err)
{
	struct out o = { .fd = STDOUT_FILENO, .path = path, .cap = OUT_BUFFER };

	guard_against_signals();
	if (path && !open_file(&o, path, err))
		return false;
	o.buf = mem_alloc(o.cap, 1);
	o.color = wants_color(color, o.fd);
	o.width = terminal_width(o.fd);
	*out = o;
	return true;
}

void out_memory(struct out *out)
{
	*out = (struct out){ .fd = -1, .memory = true, .cap = 4096 };
	out->buf = mem_alloc(out->cap, 1);
}

const char *out_text(struct out *out)
{
	out_char(out, 0);
	out->n--;
	return out->buf;
}

static void flush(struct out *out)
{
	size_t done = 0;

	progress_stop();
	while (done < out->n && !out->failed) {
		ssize_t n = write(out->fd, out->buf + done, out->n - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			out->failed = errno;
	}
	out->n = 0;
}

/* Room for n more bytes; n is small beside OUT_BUFFER. */
static void make_room(struct out *out, size_t n)
{
	if (out->cap - out->n >= n)
		return;
	if (!out->memory) {
		flush(out);
		return;
	}
	while (out->cap - out->n < n)
		out->cap *= 2;
	out->buf = mem_grow(out->buf, out->cap, 1);
}

void out_discard(struct out *out)
{
	if (out->temporary) {
		unlink(out->temporary);
		unfinished = NULL;
	}
	if (out->path && out->fd >= 0)
		close(out->fd);
	mem_free(out->temporary);
	mem_free(out->buf);
	*out = (struct out){ .fd = -1 };
}

static bool put_in_place(struct out *out, struct err *err)
{
	if (rename(out->temporary, out->path) != 0)
		return err_set(err, "cannot write %s: %s", out->path, strerror(errno));
	unfinished = NULL;
	mem_free(out->temporary);
	out->temporary = NULL;
	return true;
}

bool out_close(struct out *out, struct err *err)
{
	bool good = true;

	if (out->buf)
		flush(out);
	/* A full disk may only be told at close (network file systems, quotas). */
	if (out->fd >= 0 && close(out->fd) != 0 && !out->failed)
		out->failed = errno;
	out->fd = -1;
	if (out->failed)
		good = err_set(err, "cannot write %s: %s; the output is incomplete%s",
		               out->path ? out->path : "standard output", strerror(out->failed),
		               out->temporary ? " and was removed" : "");
	else if (out->temporary)
		good = put_in_place(out, err);
	int failed = out->failed;

	out_discard(out);
	out->failed = failed;
	return good;
}

void out_bytes(struct out *out, const void *p, size_t n)
{
	const char *from = p;

	while (n > 0 && !out->failed) {
		size_t part = n < OUT_BUFFER ? n : OUT_BUFFER;

		make_room(out, part);
		if (out->cap - out->n < part)
			part = out->cap - out->n;
		memcpy(out->buf + out->n, from, part);
		out->n += part;
		from += part;
		n -= part;
	}
}

void out_str(struct out *out, const char *s)
{
	out_bytes(out, s, strlen(s));
}

void out_char(struct out *out, char c)
{
	make_room(out, 1);
	out->buf[out->n++] = c;
}

void out_u64(struct out *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	out_bytes(out, digits + at, sizeof(digits) - at);
}

void out_addr(struct out *out, vaddr v)
{
	char digits[18];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	digits[--at] = 'x';
	digits[--at] = '0';
	out_bytes(out, digits + at, sizeof(digits) - at);
}

void out_printf(struct out *out, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof(text)) {
		out_bytes(out, text, (size_t)n);
		return;
	}
	char *big = mem_alloc((size_t)n + 1, 1);

	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	out_bytes(out, big, (size_t)n);
	mem_free(big);
}

void out_untrusted(struct out *out, const char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		size_t n = text_safe(s, left);

		if (n > 0)
			out_bytes(out, s, n);
		else
			out_printf(out, "\\x%02x", (unsigned char)*s), n = 1;
		s += n;
		left -= n;
	}
}

void out_csv(struct out *out, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		out_untrusted(out, s);
		return;
	}
	out_char(out, '"');
	for (const char *quote; (quote = strchr(s, '"')); s = quote + 1) {
		char part[256];

		while (s < quote) {
			size_t n = (size_t)(quote - s) < sizeof(part) ? (size_t)(quote - s)
			                                              : sizeof(part) - 1;
			memcpy(part, s, n);
			part[n] = 0;
			out_untrusted(out, part);
			s += n;
		}
		out_str(out, "\"\"");
	}
	out_untrusted(out, s);
	out_char(out, '"');
}

void out_style(struct out *out, enum style style)
{
	static const char *const codes[] = {
		[STYLE_BAD] = "\33[1;31m", [STYLE_GOOD] = "\33[1;32m", [STYLE_WARN] = "\33[1;33m",
		[STYLE_BOLD] = "\33[1m",   [STYLE_DIM] = "\33[2m",
	};

	if (out->color)
		out_str(out, codes[style]);
}

void out_plain(struct out *out)
{
	if (out->color)
		out_str(out, "\33[0m");
}
