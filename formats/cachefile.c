#include "formats/cachefile.h"
#include "formats/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MOST ((off_t)256 << 20)
#define FOLDER    "coreheap"

static const char magic[16] = "coreheap cache 1";

struct head {
	char magic[sizeof(magic)];
	uint64_t size, sum; /* of what follows */
};

/* FNV-1a over words, then bytes: against damage, not against forgers, whom the owner keeps out. */
static uint64_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i = 0;

	for (; n - i >= 8; i += 8)
		h = (h ^ load64(p + i)) * UINT64_C(0x100000001b3);
	for (; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static bool ours(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder; -1: there is none that can be trusted. */
static int open_folder(bool make)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct pool pool = { 0 };
	int parent, fd = -1;

	if (!base || *base != '/') {
		if (!home || *home != '/')
			return -1;
		base = pool_printf(&pool, "%s/.cache", home);
	}
	if (make)
		mkdir(base, 0700);
	parent = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		if (make)
			mkdirat(parent, FOLDER, 0700);
		fd = openat(parent, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(parent);
	}
	pool_free(&pool);
	if (fd >= 0 && !ours(fd, S_IFDIR)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int cachefile_folder(void)
{
	return open_folder(true);
}

static bool read_all(int fd, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (uint8_t *)to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *from, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const uint8_t *)from + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void *read_checked(int fd, size_t *size)
{
	struct head head;
	struct stat st;
	void *bytes;

	if (!ours(fd, S_IFREG) || fstat(fd, &st) || st.st_size > SIZE_MOST ||
	    !read_all(fd, &head, sizeof(head)) || memcmp(head.magic, magic, sizeof(magic)) != 0 ||
	    head.size != (uint64_t)st.st_size - sizeof(head))
		return NULL;
	bytes = mem_alloc(head.size + 1, 1);
	if (read_all(fd, bytes, head.size) && sum_of(bytes, head.size) == head.sum) {
		*size = head.size;
		return bytes;
	}
	mem_free(bytes);
	return NULL;
}

void *cachefile_read(const char *name, size_t *size)
{
	int folder = open_folder(false), fd = -1;
	void *bytes = NULL;

	if (folder < 0)
		return NULL;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		bytes = read_checked(fd, size);
		close(fd);
	}
	close(folder);
	return bytes;
}

void cachefile_write(const char *name, const void *bytes, size_t size)
{
	struct head head = { .size = size, .sum = sum_of(bytes, size) };
	struct pool pool = { 0 };
	const char *new = pool_printf(&pool, "%s.%ld", name, (long)getpid());
	int folder = open_folder(true), fd = -1;
	sigset_t before = signals_hold();

	memcpy(head.magic, magic, sizeof(magic));
	if (folder >= 0)
		fd = openat(folder, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		            0600);
	if (fd >= 0) {
		bool good = write_all(fd, &head, sizeof(head)) && write_all(fd, bytes, size);

		good = !close(fd) && good;
		if (!good || renameat(folder, new, folder, name))
			unlinkat(folder, new, 0);
	}
	signals_release(before);
	if (folder >= 0)
		close(folder);
	pool_free(&pool);
}
