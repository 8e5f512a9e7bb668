/*
 * Structs that own text and buffers, all of which one helper allocates that is called from many
 * places: what such a block holds tells no site, its owner's does. Writes down for each of them
 * whose it is, also for what an array holds: "address owner's-type owner's-function".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
	long id;
	char *user;
	char *peer;
	struct session *next;
	double started;
};
struct job {
	void (*run)(struct job *);
	char *command;
	int priority, attempts;
	unsigned char *output;
	size_t room;
	struct job *next;
	long reserved[4];
};
struct team {
	char **name;
	size_t n;
	struct team *next;
	struct job *current;
	long founded, budget, members;
	long seats[6];
};

static FILE *truth;
static struct session *sessions, *lost_sessions;
static struct job *jobs, *lost_jobs;
static struct team *teams, *lost_teams;

/* The one place that allocates content. */
__attribute__((noinline)) static void *keep(const void *what, size_t size)
{
	void *p = malloc(size);

	if (!p)
		abort();
	memcpy(p, what, size);
	return p;
}

static void *owned(void *p, const char *type, const char *function)
{
	fprintf(truth, "%p %s %s\n", p, type, function);
	return p;
}

static char *text(const char *form, int i, const char *type, const char *function)
{
	char line[200];

	snprintf(line, sizeof(line), form, i, i * 7919);
	return owned(keep(line, strlen(line) + 1), type, function);
}

__attribute__((noinline)) static struct session *make_session(int i)
{
	struct session *s = malloc(sizeof(*s));

	s->id = 1000 + i;
	s->user = text("user-%d of the house number %d", i, "session", __func__);
	s->peer = text("10.%d.0.1:%d", i, "session", __func__);
	s->started = 1.5e9 + i;
	s->next = NULL;
	return s;
}

static void run_job(struct job *j)
{
	j->attempts++;
}

__attribute__((noinline)) static struct job *make_job(int i)
{
	unsigned char bytes[96];
	struct job *j = calloc(1, sizeof(*j));

	for (size_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = (unsigned char)(i * 31 + (int)k * k * 7 + 128);
	j->run = run_job;
	j->command = text("/usr/bin/convert --number %d --into %d", i, "job", __func__);
	j->priority = i % 5;
	j->room = 40 + (size_t)i % 50;
	j->output = owned(keep(bytes, j->room), "job", __func__);
	return j;
}

__attribute__((noinline)) static struct team *make_team(int i)
{
	char *name[9];
	struct team *t = calloc(1, sizeof(*t));

	t->n = 6 + (size_t)i % 3;
	for (size_t k = 0; k < t->n; k++)
		name[k] = text("member number %d, pin %d", i * 10 + (int)k, "team", __func__);
	t->name = owned(keep(name, t->n * sizeof(*name)), "team", __func__);
	t->founded = 1900 + i;
	return t;
}

#define PUSH(list, it) ((it)->next = (list), (list) = (it))

__attribute__((noinline)) static void make_all(int n)
{
	for (int i = 0; i < n; i++) {
		struct session *s = make_session(i);
		struct job *j = make_job(i);
		struct team *t = make_team(i);

		if (i % 3) {
			PUSH(sessions, s);
			PUSH(jobs, j);
			PUSH(teams, t);
		} else {
			PUSH(lost_sessions, s);
			PUSH(lost_jobs, j);
			PUSH(lost_teams, t);
		}
	}
}

__attribute__((noinline)) static void scrub(void)
{
	volatile char pad[65536];

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = 0;
}

int main(int argc, char **argv)
{
	truth = fopen(argv[1], "w");
	make_all(argc > 2 ? atoi(argv[2]) : 400);
	fclose(truth);
	lost_sessions = NULL;
	lost_jobs = NULL;
	lost_teams = NULL;
	scrub();
	raise(SIGABRT);
	return 0;
}
