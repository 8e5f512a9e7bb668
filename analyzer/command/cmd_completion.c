#include "analyzer/command/completion.h"

static const struct {
	const char *name;
	void (*put)(struct out *out);
} shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static int run(const struct options *opt, struct out *out)
{
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(shells[i].name, opt->arg[0]) != 0)
			continue;
		shells[i].put(out);
		return EXIT_ANALYSED;
	}
	command_say("completion %s: there are completions for bash, zsh and fish", opt->arg[0]);
	return EXIT_USAGE;
}

const struct command cmd_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.one_line = "a script that lets the shell complete commands, options and their values",
	.help = "For the shell that runs, or for each one to come:\n"
		"\n"
		"  source <(coreheap completion bash)         # ~/.bashrc\n"
		"  source <(coreheap completion zsh)          # ~/.zshrc, after compinit\n"
		"  coreheap completion fish | source          # ~/.config/fish/config.fish\n"
		"\n"
		"`make install` puts all three where the shells look for them.\n",
	.formats = AS_TEXT,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
