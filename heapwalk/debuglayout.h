/*
 * debuglayout: where the fields of malloc's structures lie as libc's own debug information tells,
 * where its debug file is at hand. It is compared with the table of layout.h; what it says counts.
 */
#ifndef HEAPWALK_DEBUGLAYOUT_H
#define HEAPWALK_DEBUGLAYOUT_H

#include "formats/module.h"
#include "heapwalk/layout.h"

/*
 * NULL: the debug information does not have the structure, or has it in a way that this program
 * cannot follow. Else an entry of the table where one is the same, or one of own_...
 */
struct debug_layout {
	const struct module *libc; /* whose it is; NULL: no debug information is at hand */
	const struct state_layout *state;
	const struct par_layout *par;
	const struct tcache_layout *tcache;
	struct state_layout own_state;
	struct par_layout own_par;
	struct tcache_layout own_tcache;
};

/* *out must stay where it is: it points into itself. */
void debug_layout_read(const struct core *core, struct modules *modules, struct debug_layout *out);

/* Is it about the malloc whose main arena this is? */
static inline bool debug_layout_of(const struct debug_layout *d, vaddr main_arena)
{
	return d->libc && main_arena >= d->libc->start && main_arena < d->libc->end;
}

/* Is a layout one of the tables', and so that of a known release? NULL is. */
bool state_in_table(const struct state_layout *l);
bool par_in_table(const struct par_layout *l);
bool tcache_in_table(const struct tcache_layout *l);

#endif
