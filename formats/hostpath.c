#include "formats/hostpath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

#ifndef TRACEFS_MAGIC
#define TRACEFS_MAGIC 0x74726163
#endif

/* ---- inside a sysroot ---- */

struct walk {
	const char *root;
	char done[PATH_MAX];     /* below root, without links: "/usr/lib" */
	char rest[2 * PATH_MAX]; /* what is still to be followed */
	char full[2 * PATH_MAX]; /* root and done */
	unsigned links;
};

/* Puts the link's target in front of what is left. */
static bool follow(struct walk *w)
{
	char target[PATH_MAX];
	ssize_t n = readlink(w->full, target, sizeof(target) - 1);
	size_t left = strlen(w->rest);

	if (n <= 0 || n >= (ssize_t)sizeof(target) - 1 || ++w->links > LINKS_MAX ||
	    (size_t)n + 1 + left >= sizeof(w->rest))
		return false;
	memmove(w->rest + n + 1, w->rest, left + 1);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '/';
	if (target[0] == '/')
		w->done[0] = 0;
	return true;
}

/* Takes one component off rest. False: it leads nowhere. */
static bool walk_step(struct walk *w)
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
	size_t done = strlen(w->done);
	char name[NAME_MAX + 1];
	struct stat st;

	if (n > NAME_MAX || done + 1 + n >= sizeof(w->done))
		return false;
	memcpy(name, w->rest + skip, n);
	name[n] = 0;
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	if (!n || !strcmp(name, "."))
		return true;
	if (!strcmp(name, "..")) {
		char *slash = strrchr(w->done, '/');

		*(slash ? slash : w->done) = 0; /* of the root: itself */
		return true;
	}
	if (snprintf(w->full, sizeof(w->full), "%s%s/%s", w->root, w->done, name) >=
	            (int)sizeof(w->full) ||
	    lstat(w->full, &st))
		return false;
	if (S_ISLNK(st.st_mode))
		return follow(w);
	w->done[done] = '/';
	memcpy(w->done + done + 1, name, n + 1);
	return true;
}

const char *hostpath_in_root(struct pool *pool, const char *root, const char *path)
{
	struct walk *w = mem_alloc(1, sizeof(*w));
	const char *found = NULL;
	bool good = strlen(path) < PATH_MAX;

	w->root = root;
	if (good)
		memcpy(w->rest, path, strlen(path) + 1);
	while (good && w->rest[0])
		good = walk_step(w);
	if (good && w->done[0])
		found = pool_printf(pool, "%s%s", root, w->done);
	mem_free(w);
	return found;
}

/* ---- opening ---- */

/* File systems whose files are no data at rest: reading, or opening, one may do or take something.
 */
static bool on_disk(int fd)
{
	static const unsigned long pseudo[] = {
		PROC_SUPER_MAGIC,    SYSFS_MAGIC,      DEBUGFS_MAGIC,  TRACEFS_MAGIC,
		CGROUP_SUPER_MAGIC,  SECURITYFS_MAGIC, EFIVARFS_MAGIC, PSTOREFS_MAGIC,
		CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,     SELINUX_MAGIC,  BINFMTFS_MAGIC,
		DEVPTS_SUPER_MAGIC,  NSFS_MAGIC,       PIPEFS_MAGIC,   SOCKFS_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	for (size_t i = 0; i < sizeof(pseudo) / sizeof(*pseudo); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == pseudo[i])
			return false;
	return true;
}

static bool acceptable(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && on_disk(fd);
}

/*
 * O_PATH looks without opening: a watchdog device, for one, would already start to count. What was
 * looked at is then opened by its descriptor; where /proc is not mounted, by its name once more.
 */
int hostpath_open(const char *path, bool *missing)
{
	const int how = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int look = open(path, O_PATH | O_CLOEXEC), fd = -1;
	char self[40];

	*missing = look < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (look < 0)
		return -1;
	if (acceptable(look)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", look);
		fd = open(self, how);
		if (fd < 0 && errno == ENOENT)
			fd = open(path, how);
	}
	close(look);
	if (fd >= 0 && !acceptable(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}
