/*
 * The kernel's interface is that of include/uapi/linux/landlock.h: glibc has no functions for it,
 * and headers before Linux 5.13 lack the names. The rights are those of the first version; linking
 * and renaming across folders are refused by all versions, where nothing else is said.
 */
#include "analyzer/command/landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset /* the same on all machines */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define RULE_PATH_BENEATH 1

enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5,
	MAKE_CHAR = 1 << 6,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9,
	MAKE_FIFO = 1 << 10,
	MAKE_BLOCK = 1 << 11,
	MAKE_SYM = 1 << 12,
};

struct path_beneath {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

int landlock_open(void)
{
	const uint64_t refused = EXECUTE | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_CHAR |
	                         MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK |
	                         MAKE_SYM;

	return (int)syscall(SYS_landlock_create_ruleset, &refused, sizeof(refused), 0);
}

bool landlock_grant(int fence, int folder, unsigned what)
{
	struct path_beneath rule = { .folder = folder };

	if (what & LANDLOCK_REPLACE)
		rule.allowed |= MAKE_REG | REMOVE_FILE;
	if (what & LANDLOCK_WRITE)
		rule.allowed |= WRITE_FILE;
	if (what & LANDLOCK_FOLDERS)
		rule.allowed |= MAKE_DIR | REMOVE_DIR;
	return !syscall(SYS_landlock_add_rule, fence, RULE_PATH_BENEATH, &rule, 0);
}

bool landlock_shut(int fence)
{
	bool shut = !syscall(SYS_landlock_restrict_self, fence, 0);
	int why = errno;

	close(fence);
	errno = why;
	return shut;
}
