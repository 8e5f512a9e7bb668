/*
 * libdebuginfod's functions are those of elfutils/debuginfod.h (elfutils 0.180 and newer, ABI
 * version 1): the find functions return a file descriptor or a negative errno, and in *path a
 * string to be freed.
 */
#include "formats/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIBRARY      "libdebuginfod.so.1"
#define SILENCE_MAX  30 /* seconds without an answer, or without a byte more of it */
#define FAILURES_MAX 3  /* that are no sign of a server out of reach; then it is left alone */

struct debuginfod_client; /* the library's */

/* What is taken of the library. */
struct library {
	struct debuginfod_client *(*begin)(void);
	void (*end)(struct debuginfod_client *);
	int (*find_executable)(struct debuginfod_client *, const unsigned char *, int, char **);
	int (*find_debuginfo)(struct debuginfod_client *, const unsigned char *, int, char **);
	void (*set_progressfn)(struct debuginfod_client *,
	                       int (*)(struct debuginfod_client *, long, long));
	void (*set_user_data)(struct debuginfod_client *, void *);
	void *(*get_user_data)(struct debuginfod_client *);
};

static const struct {
	const char *name;
	size_t offset;
} entries[] = {
	{ "debuginfod_begin", offsetof(struct library, begin) },
	{ "debuginfod_end", offsetof(struct library, end) },
	{ "debuginfod_find_executable", offsetof(struct library, find_executable) },
	{ "debuginfod_find_debuginfo", offsetof(struct library, find_debuginfo) },
	{ "debuginfod_set_progressfn", offsetof(struct library, set_progressfn) },
	{ "debuginfod_set_user_data", offsetof(struct library, set_user_data) },
	{ "debuginfod_get_user_data", offsetof(struct library, get_user_data) },
};

/* One for the process, like the library itself. */
static struct library library;

struct debuginfod {
	struct debuginfod_client *client; /* NULL: nobody can be asked (any more) */
	unsigned failures;
	long silence; /* seconds of it that are borne */
	/* of the request that is under way: */
	struct timespec since; /* the last byte */
	long done;
	bool stalled;
	char trouble[400];
};

static bool load(void)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW);

	for (size_t i = 0; handle && i < sizeof(entries) / sizeof(*entries); i++) {
		void *function = dlsym(handle, entries[i].name);

		if (!function)
			return false;
		memcpy((char *)&library + entries[i].offset, &function, sizeof(function));
	}
	return handle;
}

/*
 * The library calls this at least once a second; not 0: it gives up. Until a server has been chosen
 * `done` counts the calls, then it is bytes of `all`, which is 0 or less where that is not known.
 */
static int watch(struct debuginfod_client *client, long done, long all)
{
	struct debuginfod *d = library.get_user_data(client);
	struct timespec now;
	bool more = all > 0 ? done > d->done : done > d->done + 1;

	clock_gettime(CLOCK_MONOTONIC, &now);
	d->done = done;
	if (more)
		d->since = now;
	d->stalled = now.tv_sec - d->since.tv_sec >= d->silence;
	return d->stalled;
}

/* As libdebuginfod chooses (debuginfod_find_debuginfo(3)). */
static const char *folder_name(struct pool *pool)
{
	const char *named = getenv("DEBUGINFOD_CACHE_PATH"), *base = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME"), *old;

	if (named && *named)
		return named;
	old = pool_printf(pool, "%s/.debuginfod_client_cache", home ? home : "/");
	if (!access(old, F_OK))
		return old;
	if (!base || !*base)
		base = pool_printf(pool, "%s/.cache", home ? home : "/");
	mkdir(base, 0700);
	return pool_printf(pool, "%s/debuginfod_client", base);
}

int debuginfod_folder(void)
{
	struct pool pool = { 0 };
	const char *name = folder_name(&pool);
	int fd;

	mkdir(name, 0777);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pool_free(&pool);
	return fd;
}

struct debuginfod *debuginfod_open(void)
{
	struct debuginfod *d = mem_alloc(1, sizeof(*d));
	const char *urls = getenv("DEBUGINFOD_URLS"), *timeout = getenv("DEBUGINFOD_TIMEOUT");
	long seconds = timeout ? atol(timeout) : 0;

	d->silence = seconds > 0 && seconds < SILENCE_MAX ? seconds : SILENCE_MAX;
	if (!urls || !urls[strspn(urls, " ")])
		snprintf(d->trouble, sizeof(d->trouble),
		         "--debuginfod: no server is known, as DEBUGINFOD_URLS is not set in the "
		         "environment; set it, such as "
		         "DEBUGINFOD_URLS=https://debuginfod.debian.net");
	else if (!load())
		snprintf(d->trouble, sizeof(d->trouble),
		         "--debuginfod: the library %s, which asks the servers, cannot be loaded; "
		         "install it (Debian: libdebuginfod1, Fedora: elfutils-debuginfod-client)",
		         LIBRARY);
	else if (!(d->client = library.begin()))
		snprintf(d->trouble, sizeof(d->trouble),
		         "--debuginfod: %s does not start; is memory short?", LIBRARY);
	if (d->client) {
		library.set_user_data(d->client, d);
		library.set_progressfn(d->client, watch);
	}
	return d;
}

static void stop(struct debuginfod *d)
{
	if (d->client)
		library.end(d->client);
	d->client = NULL;
}

void debuginfod_close(struct debuginfod *d)
{
	if (d)
		stop(d);
	mem_free(d);
}

static bool out_of_reach(int error)
{
	return error == ETIME || error == ETIMEDOUT || error == ECONNREFUSED ||
	       error == EHOSTUNREACH || error == ENETUNREACH || error == ENOSYS;
}

static void failed(struct debuginfod *d, int error)
{
	bool far = d->stalled || out_of_reach(error);

	if (!*d->trouble && (d->stalled || error == ETIME || error == ETIMEDOUT))
		snprintf(
			d->trouble, sizeof(d->trouble),
			"--debuginfod: no server sent anything for %ld seconds, and none is asked "
			"again; names that depend on it are missing; check DEBUGINFOD_URLS and the "
			"network, or raise DEBUGINFOD_TIMEOUT",
			d->silence);
	else if (!*d->trouble)
		snprintf(
			d->trouble, sizeof(d->trouble),
			"--debuginfod: %s: %s; names that depend on it are missing; check "
			"DEBUGINFOD_URLS, the network, and that the cache ($DEBUGINFOD_CACHE_PATH) "
			"can be written",
			far ? "no server can be reached" : "what was asked for did not arrive",
			strerror(error));
	if (far || ++d->failures >= FAILURES_MAX)
		stop(d);
}

const char *debuginfod_find(struct debuginfod *d, struct pool *pool, enum debuginfod_what what,
                            const uint8_t *build_id, size_t size)
{
	const char *found = NULL;
	char *path = NULL;
	int fd;

	if (!d->client || size < 2)
		return NULL;
	d->done = 0;
	d->stalled = false;
	clock_gettime(CLOCK_MONOTONIC, &d->since);
	fd = (what == DEBUGINFOD_EXECUTABLE ? library.find_executable : library.find_debuginfo)(
		d->client, build_id, (int)size, &path);
	if (fd >= 0) {
		close(fd);
		found = pool_copy(pool, path);
	} else if (d->stalled || fd != -ENOENT) {
		failed(d, -fd);
	}
	mem_free(path);
	return found;
}

const char *debuginfod_trouble(const struct debuginfod *d)
{
	return *d->trouble ? d->trouble : NULL;
}
