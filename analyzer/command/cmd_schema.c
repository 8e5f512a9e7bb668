#include "analyzer/command/command.h"

static int run(const struct options *opt, struct out *out)
{
	(void)opt;
	json_schema(out);
	return EXIT_ANALYSED;
}

const struct command cmd_schema = {
	.name = "schema",
	.args = "",
	.one_line = "the JSON Schema (draft 2020-12) of the report",
	.help = "What --json writes conforms to it. Within version 1 keys are only added.\n",
	.formats = AS_TEXT | AS_JSON,
	.run = run,
};
