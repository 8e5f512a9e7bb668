#include "formats/source.h"
#include "formats/stage.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define SOURCE_BUFFER ((size_t)256 << 10)

void source_open(struct source *source, int fd)
{
	*source = (struct source){ .fd = fd, .buf = mem_alloc(1, SOURCE_BUFFER) };
}

void source_close(struct source *source)
{
	mem_free(source->buf);
	source->buf = NULL;
}

static void fill(struct source *s)
{
	struct pollfd more = { .fd = s->fd, .events = POLLIN };
	ssize_t got;

	if (s->at && s->n == SOURCE_BUFFER) {
		memmove(s->buf, s->buf + s->at, s->n - s->at);
		s->n -= s->at;
		s->at = 0;
	}
	do
		got = read(s->fd, s->buf + s->n, SOURCE_BUFFER - s->n);
	while (got < 0 && (errno == EINTR || (errno == EAGAIN && poll(&more, 1, -1) >= 0)));
	if (got <= 0) {
		s->ended = true;
		s->error = got < 0 ? errno : 0;
	} else {
		s->n += (size_t)got;
		stage_add((uint64_t)got);
	}
}

const uint8_t *source_want(struct source *source, size_t want, size_t *n)
{
	if (source->at == source->n)
		source->at = source->n = 0;
	while (source->n - source->at < want && !source->ended)
		fill(source);
	*n = source->n - source->at;
	return source->buf + source->at;
}

void source_take(struct source *source, size_t n)
{
	source->at += n;
	source->taken += n;
}
