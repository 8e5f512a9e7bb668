#include "formats/elfsection.h"

#include <endian.h>

enum {
	SWELL = 32, /* times the size that compressed sections have in the file */
	SWELL_ALLOWED = 64 << 20,
};

bool elfsections_find(const struct elfhead_source *file, struct elfsections *out)
{
	Elf64_Shdr first;

	*out = (struct elfsections){ .file = file };
	out->class = elfhead_class(file, &out->eh);
	if (!out->class)
		return false;
	if (out->eh.e_shentsize != out->class->shdr || !out->eh.e_shoff)
		return true;
	out->n = out->eh.e_shnum;
	if (!out->n && elfsection_read(out, 0, &first))
		out->n = first.sh_size; /* more than fit the header (System V gABI) */
	return true;
}

bool elfsection_read(const struct elfsections *s, uint64_t i, Elf64_Shdr *sh)
{
	uint8_t raw[sizeof(*sh)];
	uint64_t at;

	if (__builtin_mul_overflow(i, s->class->shdr, &at) ||
	    __builtin_add_overflow(at, s->eh.e_shoff, &at) || at > INT64_MAX ||
	    !s->file->read(s->file, at, raw, s->class->shdr))
		return false;
	elfclass_shdr(s->class, raw, sh);
	return true;
}

/* Is it a table of symbols, and that of their names where it says? */
static bool symbols_sound(const struct elfsections *s, const Elf64_Shdr *sh)
{
	size_t one = s->class->ident == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	Elf64_Shdr names;

	return sh->sh_entsize == one && sh->sh_size % one == 0 && sh->sh_link < s->n &&
	       elfsection_read(s, sh->sh_link, &names) && names.sh_type == SHT_STRTAB;
}

static const char *section_flaw(const struct elfsections *s, uint64_t i, uint64_t size)
{
	Elf64_Shdr sh;

	if (!elfsection_read(s, i, &sh))
		return "its section headers are cut off";
	if (sh.sh_type == SHT_NULL || sh.sh_type == SHT_NOBITS)
		return NULL;
	if (!range_holds(0, size, sh.sh_offset, sh.sh_size))
		return "one of its sections lies outside of it";
	if ((sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM) && !symbols_sound(s, &sh))
		return "a symbol table of it is none";
	return NULL;
}

const char *elfsections_flaw(const struct elfsections *s, uint64_t size)
{
	const char *flaw = NULL;

	if (s->eh.e_shoff && s->eh.e_shnum && !s->n)
		return "its section headers have an unknown size";
	if (s->n && s->eh.e_shstrndx != SHN_XINDEX && s->eh.e_shstrndx >= s->n)
		return "its sections have no names";
	for (uint64_t i = 1; i < s->n && !flaw; i++)
		flaw = section_flaw(s, i, size);
	return flaw;
}

/* What a compressed section says that it unpacks to; 0: it is none. */
static uint64_t unpacked_size(const struct elfsections *s, const Elf64_Shdr *sh)
{
	const struct elfhead_source *file = s->file;
	Elf64_Chdr wide;
	Elf32_Chdr narrow;
	uint64_t size;
	char mark[4];

	if (sh->sh_type == SHT_NULL || sh->sh_type == SHT_NOBITS || (sh->sh_flags & SHF_ALLOC))
		return 0;
	if ((sh->sh_flags & SHF_COMPRESSED) && s->class->ident == ELFCLASS64)
		return file->read(file, sh->sh_offset, &wide, sizeof(wide)) ? wide.ch_size : 0;
	if (sh->sh_flags & SHF_COMPRESSED)
		return file->read(file, sh->sh_offset, &narrow, sizeof(narrow)) ? narrow.ch_size
		                                                                : 0;
	/* .zdebug_*, as older tools wrote them: "ZLIB" and the size, big-endian */
	if (sh->sh_size < sizeof(mark) + sizeof(size) ||
	    !file->read(file, sh->sh_offset, mark, sizeof(mark)) ||
	    memcmp(mark, "ZLIB", sizeof(mark)) ||
	    !file->read(file, sh->sh_offset + sizeof(mark), &size, sizeof(size)))
		return 0;
	return be64toh(size);
}

bool elfsections_swell(const struct elfsections *s)
{
	uint64_t packed = 0, unpacked = 0;
	Elf64_Shdr sh;

	for (uint64_t i = 1; i < s->n && elfsection_read(s, i, &sh); i++) {
		uint64_t size = unpacked_size(s, &sh);

		if (size && (__builtin_add_overflow(unpacked, size, &unpacked) ||
		             __builtin_add_overflow(packed, sh.sh_size, &packed) ||
		             packed > INT64_MAX / SWELL))
			return true;
	}
	return unpacked > SWELL_ALLOWED + SWELL * packed;
}
