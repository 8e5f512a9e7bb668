/*
 * usage: kinds KIND NUMBER TRUTH
 *
 * Plants what KIND says (kinds.h), writes TRUTH, which also tells the pid of the process to look
 * at, and stands still.
 */
#define _GNU_SOURCE
#include "kinds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *kinds_truth;
static struct park end = PARK_NONE;

NOINLINE void plant_few(long blocks, const char *label)
{
	truth_group();
	for (long i = 0; i < blocks; i++) {
		size_t size = 24 + dice() % 1500;

		switch (i % 4) {
		case 0:
			get(size, T_DEFINITE, label);
			break;
		case 1:
			get(size, T_FREED, label);
			break;
		default:
			get_kept(size, label);
		}
	}
}

NOINLINE void free_few(const char *label)
{
	truth_free_all(label);
}

static NOINLINE void plant(const char *kind, long number)
{
	static const struct {
		const char *name;
		void (*plant)(long number);
	} kinds[] = {
		{ "align", kind_align }, { "remap", kind_remap }, { "crowd", kind_crowd },
		{ "fork", kind_fork },   { "space", kind_space }, { "flight", kind_flight },
		{ "vfork", kind_vfork }, { "spawn", kind_spawn }, { "open", kind_open },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, kind)) {
			kinds[i].plant(number);
			return;
		}
	}
	die("no such kind");
}

int main(int argc, char **argv)
{
	if (argc != 4)
		die("usage: kinds KIND NUMBER TRUTH");
	lie_elsewhere(argv);
	truth_open(80000);
	get_open(80000);
	kinds_truth = argv[3];
	plant(argv[1], atol(argv[2]));
	/* the child goes on here, below this frame, and the parent ends when the child has */
	if (!strcmp(argv[1], "vfork") && vfork())
		_exit(0);
	end.level = park_level();
	truth_note("pid", (uint64_t)getpid());
	truth_write(argv[3]);
	scrub();
	if (!strcmp(argv[1], "flight"))
		flight();
	park(&end);
}
