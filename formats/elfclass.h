/*
 * elfclass: the structures of ELF files of either class, as those of class 64. Little-endian. It
 * checks nothing. Private to formats/, but for what the analyzer reads of program headers.
 */
#ifndef FORMATS_ELFCLASS_H
#define FORMATS_ELFCLASS_H

#include "formats/base.h"

#include <elf.h>

/* Sizes of a class's structures, in bytes. */
struct elfclass {
	uint8_t ident; /* e_ident[EI_CLASS] */
	uint8_t ehdr, phdr, shdr;
};

/* By e_ident; NULL: no little-endian ELF of a known class. */
const struct elfclass *elfclass_of(const uint8_t *ident);

/* p: so many bytes as the class says. Any alignment. */
void elfclass_ehdr(const struct elfclass *c, const void *p, Elf64_Ehdr *out);
void elfclass_phdr(const struct elfclass *c, const void *p, Elf64_Phdr *out);
void elfclass_shdr(const struct elfclass *c, const void *p, Elf64_Shdr *out);

#endif
