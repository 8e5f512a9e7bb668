/*
 * A C program with debug information that loses some of what it makes: of each kind of struct most
 * stand in lists of globals, some nowhere any more. Two kinds are only ever lost, of the size of
 * others. It says what each is: "address type" a line to the file named first, those that are lost
 * alone with a second argument. Addresses are kept inverted. Then it aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ops {
	int (*open)(void);
	void (*close)(int);
};
static int file_open(void)
{
	return 1;
}
static void file_close(int fd)
{
	(void)fd;
}
const struct ops file_ops = { file_open, file_close };
const struct ops net_ops = { file_open, file_close };

struct buffer {
	char *data;
	size_t length, room;
	struct buffer *next;
};
struct session {
	const struct ops *ops;
	char *user;
	struct buffer *in, *out;
	struct session *next;
	int state, flags;
	long id;
};
struct request {
	struct session *owner;
	char *path;
	struct buffer *body;
	struct request *next;
	int method, status;
	double started;
};
struct timer {
	void (*fire)(int);
	struct session *session;
	struct timer *next;
	uint64_t due;
};
struct lost_one { /* as big as a request, only ever lost */
	char *first, *second;
	struct lost_one *self;
	long count;
	double share[2];
};
struct lost_two { /* as big as a session, only ever lost */
	uint64_t sums[6];
	char *text;
};

struct session *sessions;
struct request *requests;
struct timer *timers;
struct buffer *buffers;

static struct {
	uint64_t address;
	const char *what;
	int lost;
} made[20000];
static size_t nmade;

static void *make(size_t size, const char *what, int lost)
{
	void *p = calloc(1, size);

	made[nmade].address = ~(uint64_t)(uintptr_t)p;
	made[nmade].what = what;
	made[nmade++].lost = lost;
	return p;
}

static char *text(const char *head, int i, int lost)
{
	char *s = make(40, "text", lost);

	snprintf(s, 40, "%s number %08d and some more", head, i);
	return s;
}

static struct buffer *new_buffer(int i, int lost)
{
	struct buffer *b = make(sizeof(*b), "buffer", lost);

	b->data = text("buffer", i, lost);
	b->length = 20, b->room = 40;
	return b;
}

static void run(int i)
{
	int lost = i % 7 == 0;
	struct session *s = make(sizeof(*s), "session", lost);
	struct request *r = make(sizeof(*r), "request", lost);
	struct timer *t = make(sizeof(*t), "timer", lost);

	s->ops = i % 2 ? &file_ops : &net_ops;
	s->user = text("user", i, lost);
	s->in = new_buffer(i, lost);
	s->out = i % 3 ? new_buffer(i, lost) : NULL;
	s->state = i % 5, s->id = i;
	r->owner = s;
	r->path = text("path", i, lost);
	r->body = i % 4 ? new_buffer(i, lost) : NULL;
	r->method = i % 3, r->status = 200 + i % 5;
	r->started = 1.5 * i;
	t->fire = file_close;
	t->session = s;
	t->due = 1700000000000u + (uint64_t)i;
	if (lost)
		return;
	s->next = sessions, sessions = s;
	r->next = requests, requests = r;
	t->next = timers, timers = t;
}

static void lose(int i)
{
	struct lost_one *one = make(sizeof(*one), "?", 1);
	struct lost_two *two = make(sizeof(*two), "?", 1);

	one->first = text("first", i, 1);
	one->second = text("second", i, 1);
	one->self = one;
	one->count = i;
	one->share[0] = 0.25 * i;
	for (int k = 0; k < 6; k++)
		two->sums[k] = (uint64_t)i * 0x9e3779b97f4a7c15u + (uint64_t)k;
	two->text = text("two", i, 1);
}

int main(int argc, char **argv)
{
	FILE *truth = argc > 1 ? fopen(argv[1], "w") : stdout;

	if (!truth)
		return 1;
	for (int i = 0; i < 700; i++)
		run(i);
	for (int i = 0; i < 60; i++)
		lose(i);
	for (size_t i = 0; i < nmade; i++)
		if (argc < 3 || made[i].lost)
			fprintf(truth, "0x%llx\t%s\n", (unsigned long long)~made[i].address,
			        made[i].what);
	fflush(truth);
	abort();
}
