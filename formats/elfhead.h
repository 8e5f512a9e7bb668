/*
 * elfhead: the first facts of an ELF program or library: type, program headers, build-id.
 * Read through a reader, so that the same code takes them from a dead process's memory and from a
 * file. It trusts nothing that it reads. Private to formats/.
 */
#ifndef FORMATS_ELFHEAD_H
#define FORMATS_ELFHEAD_H

#include "formats/elfclass.h"
#include "formats/module.h"

#define ELFHEAD_PHDRS 64 /* more than any linker writes; a file with more is not taken */

/* Where bytes come from. offset counts from the ELF header. */
struct elfhead_source {
	bool (*read)(const struct elfhead_source *source, uint64_t offset, void *dst, uint64_t len);
	const struct core *core; /* memory: the image as it was mapped, its header at base */
	vaddr base;
	int fd; /* file; -1: memory */
};
struct elfhead_source elfhead_memory(const struct core *core, vaddr base);
struct elfhead_source elfhead_file(int fd);

enum elfhead_result {
	ELFHEAD_OK,
	ELFHEAD_UNREADABLE, /* the header's bytes are not there */
	ELFHEAD_OTHER,      /* there, and no ELF program or library */
};

struct elfhead {
	unsigned type;  /* ET_EXEC or ET_DYN */
	uint64_t entry; /* the file's virtual address, as all of these */
	size_t nphdrs;
	Elf64_Phdr phdr[ELFHEAD_PHDRS]; /* of either class. Every PT_LOAD: memsz >= filesz, no
	                                   overflow */
	uint64_t base;                  /* of the page that maps the file's first byte */
	uint64_t low, high;             /* range of the PT_LOADs, bytes */
	uint64_t data_start, data_end;  /* writable PT_LOADs, 0,0: none */
	uint64_t tls_size;
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_size; /* 0: none that could be read */
};

enum elfhead_result elfhead_read(const struct elfhead_source *source, struct elfhead *out);

/* The ELF header alone, and its class; NULL: none of a known class, or not there. */
const struct elfclass *elfhead_class(const struct elfhead_source *source, Elf64_Ehdr *eh);

#endif
