/*
 * MemAvailable (Linux 3.14, Documentation/filesystems/proc.rst) is what the page cache may become
 * without swapping. A control group counts page cache against its limit: memory.max (version 2) or
 * memory.limit_in_bytes (version 1), of the group and of all above it.
 */
#include "formats/scarce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE 3 / 4 /* of what is there: the rest is for ourselves */

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The number that a file begins with; UINT64_MAX if there is none, such as "max". */
static uint64_t number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long n;
	bool got;

	if (!f)
		return UINT64_MAX;
	got = fscanf(f, "%llu", &n) == 1;
	fclose(f);
	return got ? n : UINT64_MAX;
}

static uint64_t available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	bool got = false;
	char line[256];

	if (!f)
		return UINT64_MAX;
	while (!got && fgets(line, sizeof(line), f))
		got = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
	fclose(f);
	return got ? kib << 10 : UINT64_MAX;
}

/* The least limit of a group and those above it; group is cut in doing so. */
static uint64_t limit_of(const char *root, char *group, const char *file)
{
	uint64_t least = UINT64_MAX;
	char path[4608], *slash;

	for (;;) {
		snprintf(path, sizeof(path), "%s%s/%s", root, group, file);
		least = lesser(least, number_in(path));
		slash = strrchr(group, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Lines of /proc/self/cgroup: number, controllers (none in version 2) and group, by colons. */
static uint64_t limited(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	uint64_t least = UINT64_MAX;
	char line[4300];

	if (!f)
		return least;
	while (fgets(line, sizeof(line), f)) {
		char *what = strchr(line, ':'), *group = what ? strchr(what + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		if (!what[1])
			least = lesser(least, limit_of("/sys/fs/cgroup", group, "memory.max"));
		else if (!strcmp(what + 1, "memory"))
			least = lesser(least, limit_of("/sys/fs/cgroup/memory", group,
			                               "memory.limit_in_bytes"));
	}
	fclose(f);
	return least;
}

bool memory_is_scarce(uint64_t bytes)
{
	uint64_t most = lesser(available(), limited());

	return most != UINT64_MAX && bytes > most * SHARE;
}
