/*
 * sessiond: a small key-value server over a UNIX socket, with the sort of leak that passes review:
 * one early return on an error path. `make demo` looks for it in the server's core.
 *
 *	LOGIN name          starts a session
 *	PUT key bytes       followed by that many bytes, which are stored
 *	GET key             answers with them
 *	QUIT
 *
 * Eight workers share the listening socket; each serves one client at a time, so that glibc gives
 * them arenas of their own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKERS 8
#define BUCKETS 256
#define BUFFER  4096

struct entry {
	struct entry *next;
	char *key;
	char *value;
	size_t size; /* bytes of value */
};

struct request {
	char *key;
	char *body;
	size_t size; /* bytes of body */
	unsigned long number;
	int urgent;
};

struct session {
	int fd;
	char *user;
	char *in; /* BUFFER bytes; [start, end) is read and not yet used */
	size_t start, end;
};

static struct entry *store[BUCKETS];
static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned long requests;

static unsigned hash(const char *key)
{
	unsigned h = 5381;

	while (*key)
		h = h * 33 + (unsigned char)*key++;
	return h % BUCKETS;
}

/* Takes over key and value. */
static void store_put(char *key, char *value, size_t size)
{
	struct entry **at = &store[hash(key)], *e;

	pthread_mutex_lock(&store_lock);
	for (e = *at; e; e = e->next)
		if (!strcmp(e->key, key))
			break;
	if (e) {
		free(e->value);
		free(key);
	} else {
		e = malloc(sizeof(*e));
		e->key = key;
		e->next = *at;
		*at = e;
	}
	e->value = value;
	e->size = size;
	pthread_mutex_unlock(&store_lock);
}

static void store_get(struct session *s, const char *key)
{
	const struct entry *e;

	pthread_mutex_lock(&store_lock);
	for (e = store[hash(key)]; e; e = e->next)
		if (!strcmp(e->key, key))
			break;
	if (e)
		dprintf(s->fd, "OK %zu\n", e->size);
	else
		dprintf(s->fd, "NONE\n");
	pthread_mutex_unlock(&store_lock);
}

static int session_fill(struct session *s)
{
	ssize_t got;

	if (s->start) {
		memmove(s->in, s->in + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	if (s->end == BUFFER)
		return -1;
	got = read(s->fd, s->in + s->end, BUFFER - s->end);
	if (got <= 0)
		return -1;
	s->end += (size_t)got;
	return 0;
}

/* The next line, without its newline; valid until the next read. NULL at the end. */
static char *session_line(struct session *s)
{
	char *line, *newline;

	while (!(newline = memchr(s->in + s->start, '\n', s->end - s->start)))
		if (session_fill(s))
			return NULL;
	*newline = 0;
	line = s->in + s->start;
	s->start = (size_t)(newline + 1 - s->in);
	return line;
}

static int session_body(struct session *s, char *body, size_t size)
{
	size_t have = 0;

	while (have < size) {
		size_t n = s->end - s->start;

		if (!n) {
			if (session_fill(s))
				return -1;
			continue;
		}
		if (n > size - have)
			n = size - have;
		memcpy(body + have, s->in + s->start, n);
		s->start += n;
		have += n;
	}
	return 0;
}

static struct request *request_new(const char *key, size_t size)
{
	struct request *r = calloc(1, sizeof(*r));

	r->key = strdup(key);
	r->body = calloc(1, size);
	r->size = size;
	r->number = ++requests;
	return r;
}

static int serve_put(struct session *s, const char *key, size_t size)
{
	struct request *r = request_new(key, size);

	if (session_body(s, r->body, size))
		return -1; /* the client is gone, and so is the last pointer to r: the leak */
	store_put(r->key, r->body, r->size);
	free(r);
	dprintf(s->fd, "STORED\n");
	return 0;
}

static int serve_line(struct session *s, const char *line)
{
	char word[128];
	size_t size;

	if (sscanf(line, "PUT %127s %zu", word, &size) == 2 && size <= 1 << 20)
		return serve_put(s, word, size);
	if (sscanf(line, "GET %127s", word) == 1) {
		store_get(s, word);
		return 0;
	}
	if (sscanf(line, "LOGIN %127s", word) == 1) {
		free(s->user);
		s->user = strdup(word);
		dprintf(s->fd, "HELLO %s\n", s->user);
		return 0;
	}
	return -1;
}

static void serve(int fd)
{
	struct session *s = calloc(1, sizeof(*s));
	const char *line;

	s->fd = fd;
	s->in = calloc(1, BUFFER);
	while ((line = session_line(s)))
		if (serve_line(s, line))
			break;
	free(s->user);
	free(s->in);
	free(s);
	close(fd);
}

static void *worker(void *listener)
{
	for (;;) {
		int fd = accept(*(int *)listener, NULL, NULL);

		if (fd >= 0)
			serve(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_t thread[WORKERS];
	int listener, i;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: sessiond SOCKET\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 64)) {
		perror(argv[1]);
		return 1;
	}
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	for (i = 0; i < WORKERS; i++) {
		char name[16];

		pthread_create(&thread[i], NULL, worker, &listener);
		snprintf(name, sizeof(name), "worker-%d", i);
		pthread_setname_np(thread[i], name);
	}
	for (i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
