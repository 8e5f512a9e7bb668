/*
 * The sandbox: in it what an attacker would do is refused, and what coreheap does is not. Each is
 * tried in a process of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/command/sandbox.h"
#include "formats/cachefile.h"
#include "formats/crew.h"
#include "formats/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE = 0, REFUSED = 10, ENDED = 11 }; /* exit statuses */

static char top[] = "/tmp/coreheap-sandbox.XXXXXX"; /* all files are below it */
static char output[64], temporary[64];              /* in one folder */
static char victim[64], other[64];                  /* in another; the second is not there */

static void ended(const char *call)
{
	(void)call;
	_exit(ENDED);
}

static enum sandbox_state enter(bool network)
{
	const struct sandbox sandbox = { .output = output,
		                         .inputs = 1,
		                         .cache = true,
		                         .network = network,
		                         .taken_over = ended };
	struct err err;

	return sandbox_enter(&sandbox, &err);
}

/* 128 and more: by a signal. */
static int how_it_ends(pid_t pid)
{
	int status;

	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* How a process ends that does this in the sandbox. */
static int tried(int (*what)(void), bool network)
{
	pid_t pid = fork();

	if (!pid) {
		enter(network);
		_exit(what());
	}
	return how_it_ends(pid);
}

/* Skips the test where there is less of a sandbox. */
static void need(enum sandbox_state least)
{
	pid_t pid = fork();
	int state;

	if (!pid)
		_exit(enter(false));
	state = how_it_ends(pid);
	assert_true(state == SANDBOX_ON || state == SANDBOX_PARTLY || state == SANDBOX_NONE ||
	            state == SANDBOX_LEFT_OUT);
	if (state > (int)least)
		skip();
}

static int refused(bool so)
{
	return so ? REFUSED : DONE;
}

/* ---- what an attacker does ---- */

static int runs_a_program(void)
{
	execl("/bin/true", "true", NULL);
	return REFUSED;
}

static int runs_a_shell(void)
{
	return refused(system("true") != 0);
}

static int forks(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return refused(pid < 0);
}

static int forks_by_clone3(void)
{
	uint64_t args[8] = { 0, 0, 0, 0, SIGCHLD };
	long pid = syscall(435, args, sizeof(args));

	if (!pid)
		_exit(0);
	return refused(pid < 0);
}

static int opens_a_socket(void)
{
	return refused(socket(AF_INET, SOCK_STREAM, 0) < 0);
}

static int signals_others(void)
{
	return refused(kill(getppid(), 0));
}

static int signals_others_threads(void)
{
	return refused(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int traces(void)
{
	return refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int reads_others_memory(void)
{
	char c;
	struct iovec here = { &c, 1 }, there = { top, 1 };

	return refused(process_vm_readv(getppid(), &here, 1, &there, 1, 0) < 0);
}

static int makes_code(void)
{
	return refused(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                    0) == MAP_FAILED);
}

static int makes_memory_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return refused(p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int overwrites(void)
{
	return refused(open(victim, O_WRONLY) < 0);
}

static int cuts(void)
{
	return refused(open(victim, O_RDONLY | O_TRUNC) < 0);
}

static int changes_modes(void)
{
	return refused(chmod(victim, 0777));
}

static int links(void)
{
	return refused(symlink("/", "link"));
}

static void fork_here(void *result)
{
	*(int *)result = forks();
}

static int forks_in_a_thread(void)
{
	struct hand hand;
	int result = DONE;

	if (hand_start(&hand, fork_here, &result))
		hand_wait(&hand);
	return result;
}

/* What only Landlock keeps from: */

static int makes_a_file(void)
{
	return refused(open(other, O_WRONLY | O_CREAT | O_EXCL, 0600) < 0);
}

static int removes(void)
{
	return refused(unlink(victim));
}

static int renames(void)
{
	return refused(rename(victim, output));
}

static int makes_a_folder(void)
{
	return refused(mkdir(other, 0700));
}

/* ---- what coreheap does ---- */

static int reads(void)
{
	int fd = open(victim, O_RDONLY | O_CLOEXEC);
	char c;

	return refused(fd < 0 || read(fd, &c, 1) != 1 || c != 'v');
}

static void nothing(void *of)
{
	*(int *)of = DONE;
}

static int starts_threads(void)
{
	struct hand hand;
	int result = REFUSED;

	if (hand_start(&hand, nothing, &result))
		hand_wait(&hand);
	return result;
}

static int keeps_in_the_cache(void)
{
	size_t size = 0;
	char *bytes;

	cachefile_write("sandbox", "kept", 5);
	bytes = cachefile_read("sandbox", &size);
	return refused(!bytes || size != 5 || strcmp(bytes, "kept") != 0);
}

static int replaces_the_output(void)
{
	return refused(rename(temporary, output));
}

static int discards_the_output(void)
{
	return refused(unlink(temporary));
}

static int unpacks(void)
{
	struct store store;
	struct err err;
	int fd;

	return refused(!store_open(&store, 0, &err) || store.in_memory ||
	               !store_write(&store, (const uint8_t *)"core", 4, &err) ||
	               !store_finish(&store, &fd, &err));
}

static int ends_by_a_signal(void)
{
	signal(SIGTERM, SIG_DFL);
	raise(SIGTERM);
	return REFUSED;
}

/* ---- all of them ---- */

struct attempt {
	const char *name;
	int (*what)(void);
};
#define ATTEMPT(what)       \
	{                   \
#what, what \
	}

static const struct attempt attacks[] = {
	ATTEMPT(runs_a_program),
	ATTEMPT(runs_a_shell),
	ATTEMPT(forks),
	ATTEMPT(forks_by_clone3),
	ATTEMPT(forks_in_a_thread),
	ATTEMPT(opens_a_socket),
	ATTEMPT(signals_others),
	ATTEMPT(signals_others_threads),
	ATTEMPT(traces),
	ATTEMPT(reads_others_memory),
	ATTEMPT(makes_code),
	ATTEMPT(makes_memory_code),
	ATTEMPT(overwrites),
	ATTEMPT(cuts),
	ATTEMPT(changes_modes),
	ATTEMPT(links),
};
static const struct attempt changes[] = {
	ATTEMPT(makes_a_file),
	ATTEMPT(removes),
	ATTEMPT(renames),
	ATTEMPT(makes_a_folder),
};
static const struct attempt own[] = {
	ATTEMPT(reads),   ATTEMPT(starts_threads),      ATTEMPT(keeps_in_the_cache),
	ATTEMPT(unpacks), ATTEMPT(replaces_the_output), ATTEMPT(discards_the_output),
};

static void make_file(char *path, size_t size, const char *folder, const char *name)
{
	FILE *f;

	snprintf(path, size, "%s/%s", top, folder);
	mkdir(path, 0700);
	snprintf(path, size, "%s/%s/%s", top, folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("victim", f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	setenv("XDG_CACHE_HOME", top, 1);
	setenv("TMPDIR", top, 1);
	snprintf(other, sizeof(other), "%s/other/new", top);
	return 0;
}

/* Each finds the files as they were. */
static int try_fresh(const struct attempt *a, bool network)
{
	int status;

	make_file(output, sizeof(output), "out", "report");
	make_file(temporary, sizeof(temporary), "out", ".report.new");
	make_file(victim, sizeof(victim), "other", "victim");
	status = tried(a->what, network);
	unlink(other);
	rmdir(other);
	return status;
}

static int tear_down(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void attacks_are_refused(void **state)
{
	(void)state;
	need(SANDBOX_PARTLY);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++) {
		int status = try_fresh(&attacks[i], false);

		/* libc blocks signals as it forks: then the kernel ends the run */
		if (status != REFUSED && status != ENDED && status != 128 + SIGSYS)
			fail_msg("%s: not refused (%d)", attacks[i].name, status);
	}
}

static void other_files_stay(void **state)
{
	(void)state;
	need(SANDBOX_ON);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		int status = try_fresh(&changes[i], false);

		if (status != REFUSED)
			fail_msg("%s: not refused (%d)", changes[i].name, status);
	}
}

static void own_work_is_done(void **state)
{
	(void)state;
	need(SANDBOX_PARTLY);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		int status = try_fresh(&own[i], false);

		if (status != DONE)
			fail_msg("%s: %d", own[i].name, status);
	}
	assert_int_equal(tried(ends_by_a_signal, false), 128 + SIGTERM);
}

/* Of the attacks, what ends the run at once, so that it is not taken for a failure. */
static void some_end_the_run(void **state)
{
	(void)state;
	need(SANDBOX_PARTLY);
	assert_int_equal(tried(runs_a_program, false), ENDED);
	assert_int_equal(tried(forks, false), ENDED);
	assert_int_equal(tried(forks_in_a_thread, false), ENDED);
	assert_int_equal(tried(opens_a_socket, false), ENDED);
	assert_int_equal(tried(signals_others, false), ENDED);
}

static void servers_are_asked_if_wanted(void **state)
{
	(void)state;
	need(SANDBOX_PARTLY);
	assert_int_equal(tried(opens_a_socket, true), DONE);
	assert_int_equal(tried(runs_a_program, true), ENDED);
	assert_int_equal(tried(forks, true), ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attacks_are_refused),
		cmocka_unit_test(other_files_stay),
		cmocka_unit_test(own_work_is_done),
		cmocka_unit_test(some_end_the_run),
		cmocka_unit_test(servers_are_asked_if_wanted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
