#include "analyzer/command/sandbox.h"
#include "analyzer/command/landlock.h"
#include "analyzer/command/syscalls.h"
#include "formats/cachefile.h"
#include "formats/debuginfod.h"
#include "formats/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* Of each core: what it is unpacked into, the log of its pointers where memory is scarce, and what
 * is worked out of them beyond a bound of memory. */
#define STORES 3

static int folder_of(const char *path)
{
	struct pool pool = { 0 };
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? pool_strndup(&pool, path, (size_t)(slash - path) + 1) : ".";
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	pool_free(&pool);
	return fd;
}

/* A folder that there is not needs no gate. */
static bool grant(int fence, int folder, unsigned what)
{
	bool good = folder < 0 || landlock_grant(fence, folder, what);
	int why = errno;

	if (folder >= 0)
		close(folder);
	errno = why;
	return good;
}

static bool grant_all(int fence, const struct sandbox *s)
{
	const unsigned cache = LANDLOCK_REPLACE | LANDLOCK_WRITE;

	return (!s->cache || grant(fence, cachefile_folder(), cache)) &&
	       (!s->output || grant(fence, folder_of(s->output), LANDLOCK_REPLACE)) &&
	       (!s->network || grant(fence, debuginfod_folder(), cache | LANDLOCK_FOLDERS));
}

static bool is_lacking(int error)
{
	return error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

/* SANDBOX_ON; SANDBOX_PARTLY: there is no Landlock. */
static enum sandbox_state fence_in(const struct sandbox *s)
{
	int fence = landlock_open();

	if (fence < 0)
		return is_lacking(errno) ? SANDBOX_PARTLY : SANDBOX_FAILED;
	if (grant_all(fence, s))
		return landlock_shut(fence) ? SANDBOX_ON : SANDBOX_FAILED;
	close(fence);
	return SANDBOX_FAILED;
}

enum sandbox_state sandbox_enter(const struct sandbox *s, struct err *err)
{
	enum sandbox_state state = SANDBOX_FAILED;

	if (SANITIZED)
		return SANDBOX_LEFT_OUT;
	if (!syscalls_can_be_filtered())
		return SANDBOX_NONE;
	store_reserve(STORES * s->inputs);
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		state = fence_in(s);
	if (state != SANDBOX_FAILED && syscalls_restrict(s->network, s->taken_over))
		return state;
	err_set(err, "the sandbox cannot be entered: %s; --no-sandbox reads the core without it",
	        strerror(errno));
	return SANDBOX_FAILED;
}
