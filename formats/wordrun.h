/*
 * wordrun: the saved words of a range of memory, run by run, for what looks at all words of blocks
 * or roots. What a core does not have, and large holes of its file, in which all words are zero,
 * take no time, however large a damaged core says they are.
 */
#ifndef FORMATS_WORDRUN_H
#define FORMATS_WORDRUN_H

#include "formats/core.h"

struct wordrun {
	vaddr at;           /* of the first word: a multiple of the machine's word */
	const uint8_t *mem; /* our view of it, until the next call */
	uint64_t bytes;     /* a multiple of the machine's word, not 0 */
	/* private */
	const struct core *core;
	vaddr next, end;
	uint8_t split[8]; /* a word that lies in two pieces */
};

/* The words that lie in [start, end) whole. Start with this, then call wordrun_next. */
static inline struct wordrun wordruns(const struct core *core, vaddr start, vaddr end)
{
	vaddr first = round_up(start, core->machine->word);

	return (struct wordrun){ .core = core, .next = first < start ? end : first, .end = end };
}

/* The first run, then the next one, by address. False: there is none. */
bool wordrun_next(struct wordrun *run);

/*
 * The first word of [start, end) that leads to [to, to + max(size, 1)), or the first that is `to`
 * if there is one: where it is, and its value as an address. False: there is none.
 */
bool wordrun_find(const struct core *core, vaddr start, vaddr end, vaddr to, uint64_t size,
                  vaddr *at, vaddr *value);

#endif
