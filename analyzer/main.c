/* main: what happens around each command: options, output, exit code. */
#include "analyzer/command/command.h"
#include "analyzer/command/progress.h"
#include "analyzer/command/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t memory_bound; /* --max-memory; 0: none */

static void exhausted(size_t bytes)
{
	static char text[256]; /* nothing can be allocated any more */
	int n;

	if (memory_bound)
		n = snprintf(text, sizeof(text),
		             "coreheap: out of memory: %zu bytes more do not "
		             "fit "
		             "within --max-memory %llu; raise it\n",
		             bytes, (unsigned long long)memory_bound);
	else
		n = snprintf(text, sizeof(text),
		             "coreheap: out of memory: the system refused %zu "
		             "bytes; run it where more memory is free, or raise the limit "
		             "(ulimit -v, ulimit -d, the container's)\n",
		             bytes);
	if (n > 0)
		fwrite(text, 1, (size_t)n, stderr);
	out_abandon();
	_Exit(EXIT_INTERNAL);
}

/* The core's own pages are read through a file mapping, which RLIMIT_DATA does not count. */
static bool bound_memory(uint64_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	memory_bound = bytes;
	return !bytes || setrlimit(RLIMIT_DATA, &limit) == 0;
}

static void say_raw(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is no other place to say it */
}

/* In a signal handler. */
static void taken_over(const char *call)
{
	say_raw("coreheap: ended by its sandbox: the system call ");
	say_raw(call);
	say_raw(" was refused. Nothing in coreheap makes it: the core may be an attack; handle it "
	        "with care\n");
	out_abandon();
	_exit(EXIT_INTERNAL);
}

/* False: it was said why not. */
static bool shut_in(const struct options *opt, const struct out *out)
{
	const struct sandbox sandbox = { .output = out->temporary ? opt->output : NULL,
		                         .inputs = opt->command == &cmd_explain ? 1 : opt->nargs,
		                         .cache = !opt->where.no_cache,
		                         .network = opt->where.debuginfod,
		                         .taken_over = taken_over };
	enum sandbox_state state;
	struct err err;

	if (opt->no_sandbox || !(opt->command->takes & TAKES_CORE))
		return true;
	state = sandbox_enter(&sandbox, &err);
	if (state == SANDBOX_FAILED)
		command_say("%s", err.msg);
	else if (state == SANDBOX_NONE && !opt->quiet)
		command_say("there is no sandbox here: the kernel, or what stands for it, has no "
		            "seccomp filters; --no-sandbox leaves this line out");
	else if (state == SANDBOX_PARTLY && opt->verbose)
		command_say("the sandbox restricts system calls only: the kernel has no Landlock "
		            "(Linux 5.13), or it is switched off");
	return state != SANDBOX_FAILED;
}

static int run(const struct options *opt)
{
	struct out out;
	struct err err;
	int code;

	if (!bound_memory(opt->max_memory)) {
		command_say("--max-memory cannot be set: %s; leave it out", strerror(errno));
		return EXIT_USAGE;
	}
	if (!out_open(&out, opt->output, opt->color, &err)) {
		command_say("%s", err.msg);
		return EXIT_USAGE;
	}
	code = shut_in(opt, &out) ? opt->command->run(opt, &out) : EXIT_INTERNAL;
	progress_stop();
	if (code == EXIT_USAGE || code == EXIT_INPUT || code == EXIT_INTERNAL) {
		out_discard(&out);
		return code;
	}
	if (out_close(&out, &err))
		return code;
	if (out.failed == EPIPE)
		out_end_by_pipe();
	command_say("%s", err.msg);
	return EXIT_INTERNAL;
}

/*
 * No file of ours becomes a standard stream because that was closed. What is open the wrong way
 * fails as a closed one does: with EBADF.
 */
static void hold_streams(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			return; /* where there is no /dev, it is as it is */
}

int main(int argc, char **argv)
{
	const char **storage = mem_alloc((size_t)argc + 1, sizeof(*storage));
	struct options opt;
	struct err err;
	int code;

	hold_streams();
	mem_on_exhausted(exhausted);
	if (options_parse(argc, argv, commands, ncommands, storage, &opt, &err)) {
		code = run(&opt);
		options_free(&opt);
	} else {
		command_say("%s", err.msg);
		code = EXIT_USAGE;
	}
	mem_free(storage);
	return code;
}
