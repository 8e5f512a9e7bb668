#include "formats/store.h"
#include "formats/zero.h"
#include "formats/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGE         4096 /* of x86-64, and the block of most file systems: the grain of holes */
#define SPARSE_LEAST (UINT64_C(64) << 30) /* cores of less are always given a chance */

/* ---- where ---- */

/* File systems without O_TMPFILE: no signal may come between the two calls. */
static int named_and_unlinked(const char *folder)
{
	char name[300];
	sigset_t before;
	int fd;

	if (snprintf(name, sizeof(name), "%s/coreheap.XXXXXX", folder) >= (int)sizeof(name))
		return -1;
	before = signals_hold();
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	signals_release(before);
	return fd;
}

static int file_in(const char *folder)
{
	int fd;

	if (!folder || folder[0] != '/' || strlen(folder) >= sizeof(((struct store *)0)->folder))
		return -1;
	fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : named_and_unlinked(folder);
}

/* In the first folder that takes it; -1: none does. */
static int make_file(const char **folder)
{
	int fd;

	*folder = getenv("TMPDIR");
	fd = file_in(*folder);
	if (fd < 0)
		fd = file_in(*folder = "/var/tmp");
	return fd;
}

static struct {
	ARRAY(int) fd;
	const char *folder; /* of all of them */
	pthread_mutex_t lock;
} reserve = { .lock = PTHREAD_MUTEX_INITIALIZER };

void store_reserve(size_t n)
{
	while (n--) {
		int fd = make_file(&reserve.folder);

		if (fd < 0)
			return;
		array_push(&reserve.fd, fd);
	}
}

static int take_reserved(const char **folder)
{
	int fd = -1;

	pthread_mutex_lock(&reserve.lock);
	if (reserve.fd.n) {
		fd = reserve.fd.v[--reserve.fd.n];
		*folder = reserve.folder;
	}
	pthread_mutex_unlock(&reserve.lock);
	return fd;
}

static bool open_on_disk(struct store *s)
{
	const char *folder;
	struct statvfs fs;

	s->fd = take_reserved(&folder);
	if (s->fd < 0)
		s->fd = make_file(&folder);
	if (s->fd < 0)
		return false;
	if (fstatvfs(s->fd, &fs)) {
		store_close(s);
		return false;
	}
	memcpy(s->folder, folder, strlen(folder) + 1);
	s->room = (uint64_t)fs.f_bavail * fs.f_frsize;
	s->room -= s->room / 10;
	return true;
}

/* proc(5): MemAvailable, in KiB. 0: not told. */
static uint64_t memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && !kib && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
			kib = 0;
	}
	if (f)
		fclose(f);
	return kib << 10;
}

static bool open_in_memory(struct store *s)
{
	struct rlimit data;

	s->fd = memfd_create("coreheap", MFD_CLOEXEC);
	if (s->fd < 0)
		return false;
	s->in_memory = true;
	s->room = memory_available() / 2;
	if (!getrlimit(RLIMIT_DATA, &data) && data.rlim_cur != RLIM_INFINITY &&
	    data.rlim_cur < s->room)
		s->room = data.rlim_cur; /* what the user allows as memory */
	return true;
}

bool store_open(struct store *store, uint64_t bound, struct err *err)
{
	struct rlimit file;

	*store = (struct store){ .fd = -1, .given = bound != 0 };
	if (!open_on_disk(store) && !open_in_memory(store))
		return err_set(err,
		               "no temporary file can be made for the unpacked core, neither in "
		               "/var/tmp nor in memory: %s; set TMPDIR to a folder with room",
		               strerror(errno));
	store->bound = store->room > SPARSE_LEAST / 4 ? store->room * 4 : SPARSE_LEAST;
	if (bound)
		store->bound = bound;
	if (!getrlimit(RLIMIT_FSIZE, &file) && file.rlim_cur != RLIM_INFINITY &&
	    file.rlim_cur < store->bound) {
		store->bound = file.rlim_cur; /* beyond it a write is a deadly signal */
		store->limit = "the limit on file sizes (ulimit -f); raise it";
	}
	return true;
}

/* ---- writing ---- */

#define MIB(bytes) ((double)(bytes) / (1 << 20))

static bool no_room(const struct store *s, struct err *err)
{
	if (s->in_memory)
		return err_set(err,
		               "more than %.1f MiB came out of it, and no temporary file can be "
		               "made: that much memory is not to be had; set TMPDIR to a folder "
		               "with more room",
		               MIB(s->written));
	return err_set(err,
	               "more than %.1f MiB of data came out of it, for which %s has no room; set "
	               "TMPDIR to a folder on a larger disk",
	               MIB(s->written), s->folder);
}

static bool too_long(const struct store *s, struct err *err)
{
	if (s->limit)
		return err_set(err, "it unpacks to more than %.1f MiB, %s", MIB(s->bound),
		               s->limit);
	if (s->given)
		return err_set(err,
		               "it unpacks to more than %.1f MiB, which --max-unpacked forbids; "
		               "raise that if this is a real core",
		               MIB(s->bound));
	return err_set(err,
	               "it unpacks to more than %.1f MiB, most of it zeroes: no core is expected "
	               "to; if it is one give --max-unpacked, or unpack it by hand",
	               MIB(s->bound));
}

static bool put(struct store *s, const uint8_t *bytes, size_t n, struct err *err)
{
	uint64_t at = s->size;

	if (n > s->room - s->written)
		return no_room(s, err);
	s->written += n;
	while (n) {
		ssize_t done = pwrite(s->fd, bytes, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (errno == ENOSPC || errno == EDQUOT))
			return no_room(s, err);
		if (done <= 0)
			return err_set(err, "cannot write the unpacked core to %s: %s",
			               s->in_memory ? "memory" : s->folder, strerror(errno));
		bytes += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return true;
}

bool store_write(struct store *store, const uint8_t *bytes, size_t n, struct err *err)
{
	if (n > store->bound - store->size)
		return too_long(store, err);
	while (n) {
		size_t run = 0;
		bool zero = true;

		while (run < n) { /* pages of one kind */
			size_t page = PAGE - (store->size + run) % PAGE;
			bool z;

			if (page > n - run)
				page = n - run;
			z = bytes_are_zero(bytes + run, page);
			if (run && z != zero)
				break;
			zero = z;
			run += page;
		}
		if (!zero && !put(store, bytes, run, err))
			return false;
		store->size += run;
		bytes += run;
		n -= run;
	}
	return true;
}

bool store_finish(struct store *store, int *fd, struct err *err)
{
	if (ftruncate(store->fd, (off_t)store->size))
		return err_set(err, "cannot keep the unpacked core in %s: %s",
		               store->in_memory ? "memory" : store->folder, strerror(errno));
	*fd = store->fd;
	store->fd = -1;
	return true;
}

void store_close(struct store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
}
