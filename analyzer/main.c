/* main: what happens around each command: options, output, exit code. */
#include "analyzer/command/command.h"
#include "analyzer/command/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

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
	code = opt->command->run(opt, &out);
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

int main(int argc, char **argv)
{
	const char **storage = mem_alloc((size_t)argc + 1, sizeof(*storage));
	struct options opt;
	struct err err;
	int code;

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
