#include "analyzer/command/command.h"
#include "analyzer/report/json.h"
#include "formats/library.h"

static int run(const struct options *opt, struct out *out)
{
	(void)opt;
	out_printf(out, "coreheap %s\nelfutils %s\njansson %s\n", COREHEAP_VERSION,
	           library_elfutils(), json_library());
	out_printf(out, "zstd %s\nlz4 %s\nliblzma %s\nzlib %s\n", library_zstd(), library_lz4(),
	           library_lzma(), library_zlib());
	return EXIT_ANALYSED;
}

const struct command cmd_version = {
	.name = "version",
	.args = "",
	.one_line = "the version of coreheap and of the libraries that it uses",
	.formats = AS_TEXT,
	.run = run,
};
