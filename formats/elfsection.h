/*
 * elfsection: the section headers of an ELF file of either class, and whether they can be true.
 * What the sections hold is not its business, but for how large compressed ones say that they are.
 * Private to formats/.
 */
#ifndef FORMATS_ELFSECTION_H
#define FORMATS_ELFSECTION_H

#include "formats/elfhead.h"

struct elfsections {
	const struct elfhead_source *file;
	const struct elfclass *class;
	Elf64_Ehdr eh;
	uint64_t n; /* claimed; each may turn out not to be there */
};

/* False: no ELF file of a known class. One without sections, or of unknown ones, has none. */
bool elfsections_find(const struct elfhead_source *file, struct elfsections *out);

/* Section header i; false: it is not there. */
bool elfsection_read(const struct elfsections *s, uint64_t i, Elf64_Shdr *sh);

/* What is wrong with them in a file of so many bytes, in words; NULL: nothing. */
const char *elfsections_flaw(const struct elfsections *s, uint64_t size);

/*
 * Would unpacking the compressed ones take an absurd amount of memory? Debug information is packed
 * three to ten to one.
 */
bool elfsections_swell(const struct elfsections *s);

#endif
