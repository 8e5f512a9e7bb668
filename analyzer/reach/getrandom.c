/*
 * glibc sysdeps/unix/sysv/linux/getrandom.c (2.41 to 2.43): a variable of libc (grnd_alloc.states)
 * points to a table with pages of its own, from whose start on there are pointers to states. Each
 * state fills whole cache lines of a block that was mapped for many of them.
 */
#include "analyzer/reach/getrandom.h"
#include "formats/written.h"

#define LINE       64
#define STATES_MIN 4
#define STATES_MAX 65536
#define BLOCK_MAX  (UINT64_C(16) << 20)

static bool unsaved(const struct segment *s)
{
	return s && s->file < 0 && !s->absent && s->meant_end == s->start &&
	       (s->flags & (SEG_R | SEG_W)) == (SEG_R | SEG_W) && s->end - s->start <= BLOCK_MAX;
}

/* How many pointers to such memory there are from `table` on; 0: there is something else. */
static size_t states_at(const struct core *core, vaddr table)
{
	struct view view = { .core = core };
	const struct segment *last = NULL;
	unsigned width = core->machine->word;
	uint64_t word;
	size_t n;

	for (n = 0;
	     n < STATES_MAX && view_read_word(&view, table + width * n, &word, width) && word;
	     n++) {
		if (word % LINE)
			return 0;
		if (!last || !range_holds(last->start, last->end, word, LINE))
			last = core_segment(core, word);
		if (!unsaved(last))
			return 0;
	}
	return n >= STATES_MIN ? n : 0;
}

/* Looks among the variables of one module: data of a file, or the .bss behind it. */
static bool search_data(const struct core *core, const struct segment *s, struct getrandom *state)
{
	struct view view = { .core = core };
	unsigned width = core->machine->word;
	uint64_t word;

	for (vaddr stop, run = s->start; core_written(core, &run, s->saved_end, &stop);
	     run = stop) {
		for (vaddr at = round_up(run, width); at < stop && stop - at >= width;
		     at += width) {
			if (!view_read_word(&view, at, &word, width) || !word ||
			    word % core->page_size)
				continue;
			state->n = states_at(core, word);
			if (!state->n)
				continue;
			state->table = word;
			return true;
		}
	}
	return false;
}

static bool is_data(const struct core *core, const struct segment *s)
{
	bool behind = s > core->seg && s[-1].end == s->start && s[-1].file >= 0 &&
	              (s[-1].flags & SEG_W);

	return (s->flags & SEG_W) && (s->file >= 0 || behind);
}

bool getrandom_holds(const struct core *core, struct getrandom *state, const struct segment *s)
{
	uint64_t word;

	if (!unsaved(s))
		return false;
	for (size_t i = 0; i < core->nseg && !state->searched; i++)
		if (is_data(core, &core->seg[i]) && search_data(core, &core->seg[i], state))
			state->searched = true;
	state->searched = true;
	for (size_t i = 0; i < state->n; i++)
		if (core_read_word(core, state->table + core->machine->word * i, &word) &&
		    range_holds(s->start, s->end, word, LINE))
			return true;
	return false;
}
