/* Of which of the four kinds a mapping is, as far as its core tells. */
#include "analyzer/memory/balance.h"

/*
 * Are files saved that nobody wrote to? coredump_filter may ask for that (the Java VM sets it so):
 * a program's text, which nobody writes to, tells. The first page of an ELF file is always saved.
 */
static bool saves_clean_files(const struct core *core)
{
	for (size_t i = 0; i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];

		if (s->file >= 0 && s->flags & SEG_X && !(s->flags & SEG_W) &&
		    s->end - s->start > core->page_size)
			return s->saved_end == s->end;
	}
	return false;
}

enum balance_sharing balance_sharing_of(const struct core *core, const struct ledger_part *p)
{
	const struct segment *s = &core->seg[p->segment];

	switch (p->kind) {
	case LEDGER_SHARED:
		return SHARING_SHARED_ANON;
	case LEDGER_TEXT:
	case LEDGER_RODATA:
	case LEDGER_DATA: /* ld.so maps them privately */
		return SHARING_PRIVATE_FILE;
	case LEDGER_NONE: /* between a library's segments */
		return s->file >= 0 ? SHARING_PRIVATE_FILE : SHARING_PRIVATE_ANON;
	case LEDGER_FILE:
		/* a private mapping is saved, and wholly, once it was written to; what is writable
		 * and not saved is shared as a rule */
		if (s->absent || s->meant_end > s->saved_end)
			return SHARING_FILE;
		if (s->saved_end == s->end)
			return saves_clean_files(core) ? SHARING_FILE : SHARING_PRIVATE_FILE;
		return s->flags & SEG_W && core->kind == CORE_KERNEL ? SHARING_SHARED_FILE
		                                                     : SHARING_FILE;
	default:
		return SHARING_PRIVATE_ANON;
	}
}
