#include "formats/wordrun.h"
#include "formats/written.h"

#define LARGE (UINT64_C(64) << 10) /* bytes in which it pays to ask for holes */

/* A word that lies in two pieces of the file. False: some of it is not saved. */
static bool take_split(struct wordrun *run, unsigned width)
{
	run->mem = run->split;
	run->bytes = width;
	return core_read(run->core, run->at, run->split, width);
}

bool wordrun_next(struct wordrun *run)
{
	unsigned width = run->core->machine->word;

	while (run->next < run->end && run->end - run->next >= width) {
		vaddr at = run->next, stop = run->end;
		uint64_t n = 0;

		run->at = at;
		run->mem = core_bytes(run->core, at, &n);
		if (!run->mem || stop - at >= LARGE) {
			if (!core_written(run->core, &at, run->end, &stop))
				return false;
			if (at != run->at) { /* not saved, or a hole, up to there */
				run->next = round_up(at, width);
				continue;
			}
		}
		n = n < stop - at ? n : stop - at;
		run->bytes = round_down(n, width);
		run->next = at + (run->bytes ? run->bytes : width);
		if (run->bytes || take_split(run, width))
			return true;
	}
	return false;
}

bool wordrun_find(const struct core *core, vaddr start, vaddr end, vaddr to, uint64_t size,
                  vaddr *at, vaddr *value)
{
	struct wordrun run = wordruns(core, start, end);
	unsigned width = core->machine->word;
	bool found = false;

	while (wordrun_next(&run)) {
		for (uint64_t i = 0; i < run.bytes; i += width) {
			vaddr led = core_pointer(core, load_word(run.mem + i, width));

			if (led - to >= (size ? size : 1) || (found && led != to))
				continue;
			*at = run.at + i;
			*value = led;
			found = true;
			if (led == to)
				return true;
		}
	}
	return found;
}
