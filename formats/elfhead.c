#include "formats/elfhead.h"

#include <unistd.h>

enum {
	NOTES_MAX = 64, /* notes looked at in one PT_NOTE */
	PAGE = 4096,
};

static bool read_memory(const struct elfhead_source *source, uint64_t offset, void *dst,
                        uint64_t len)
{
	vaddr at;

	if (__builtin_add_overflow(source->base, offset, &at))
		return false;
	return core_read(source->core, at, dst, len);
}

static bool read_file(const struct elfhead_source *source, uint64_t offset, void *dst, uint64_t len)
{
	uint8_t *to = dst;

	if (offset > INT64_MAX - len)
		return false;
	while (len) {
		ssize_t n = pread(source->fd, to, len, (off_t)offset);

		if (n <= 0)
			return false;
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return true;
}

struct elfhead_source elfhead_memory(const struct core *core, vaddr base)
{
	return (struct elfhead_source){ .read = read_memory, .core = core, .base = base, .fd = -1 };
}

struct elfhead_source elfhead_file(int fd)
{
	return (struct elfhead_source){ .read = read_file, .fd = fd };
}

const struct elfclass *elfhead_class(const struct elfhead_source *source, Elf64_Ehdr *eh)
{
	uint8_t raw[sizeof(*eh)];
	const struct elfclass *c = NULL;

	if (source->read(source, 0, raw, EI_NIDENT))
		c = elfclass_of(raw);
	if (!c || !source->read(source, 0, raw, c->ehdr))
		return NULL;
	elfclass_ehdr(c, raw, eh);
	return c;
}

static bool is_image(const struct elfclass *c, const Elf64_Ehdr *eh)
{
	return machine_find(eh->e_machine, c->ident) &&
	       (eh->e_type == ET_EXEC || eh->e_type == ET_DYN) && eh->e_phentsize == c->phdr &&
	       eh->e_phnum > 0 && eh->e_phnum <= ELFHEAD_PHDRS;
}

static bool read_phdrs(const struct elfhead_source *source, const struct elfclass *c, uint64_t at,
                       struct elfhead *out)
{
	uint8_t raw[ELFHEAD_PHDRS * sizeof(Elf64_Phdr)];

	if (!source->read(source, at, raw, out->nphdrs * c->phdr))
		return false;
	for (size_t i = 0; i < out->nphdrs; i++)
		elfclass_phdr(c, raw + i * c->phdr, &out->phdr[i]);
	return true;
}

/* False: it contradicts itself. */
static bool take_load(const Elf64_Phdr *ph, struct elfhead *out, bool *based)
{
	uint64_t end, file_end;

	if (ph->p_filesz > ph->p_memsz || __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
	    end > UINT64_MAX - PAGE ||
	    __builtin_add_overflow(ph->p_offset, ph->p_filesz, &file_end))
		return false;
	if (out->high == 0 || ph->p_vaddr < out->low)
		out->low = round_down(ph->p_vaddr, PAGE);
	if (end > out->high)
		out->high = end;
	if (ph->p_offset < PAGE && !*based) {
		out->base = round_down(ph->p_vaddr, PAGE);
		*based = true;
	}
	if (ph->p_flags & PF_W) {
		if (!out->data_end || ph->p_vaddr < out->data_start)
			out->data_start = ph->p_vaddr;
		if (end > out->data_end)
			out->data_end = end;
	}
	return true;
}

/*
 * Looks for NT_GNU_BUILD_ID among the notes of [at, at + size), counted as the source does. Each:
 * namesz, descsz, type, name, desc; both padded to `align` (System V gABI, "Note Section").
 */
static bool find_build_id(const struct elfhead_source *source, uint64_t at, uint64_t size,
                          uint64_t align, struct elfhead *out)
{
	for (int i = 0; i < NOTES_MAX && size >= 16; i++) {
		uint8_t head[16];
		uint64_t namesz, descsz, desc, next;

		if (!source->read(source, at, head, sizeof(head)))
			return false;
		namesz = load32(head);
		descsz = load32(head + 4);
		desc = 12 + namesz;
		desc = round_up(desc, align);
		next = round_up(desc + descsz, align);
		if (desc > size || descsz > size - desc)
			return false;
		if (load32(head + 8) == NT_GNU_BUILD_ID && namesz == 4 &&
		    !memcmp(head + 12, ELF_NOTE_GNU, 4) && descsz > 0 && descsz <= BUILD_ID_MAX &&
		    source->read(source, at + desc, out->build_id, descsz)) {
			out->build_id_size = descsz;
			return true;
		}
		if (next > size)
			return false;
		at += next;
		size -= next;
	}
	return false;
}

static void take_notes(const struct elfhead_source *source, struct elfhead *out)
{
	for (size_t i = 0; i < out->nphdrs && !out->build_id_size; i++) {
		const Elf64_Phdr *ph = &out->phdr[i];
		uint64_t at = source->fd >= 0 ? ph->p_offset : ph->p_vaddr - out->base;

		if (ph->p_type == PT_NOTE && at <= UINT64_MAX / 2)
			find_build_id(source, at, ph->p_filesz, ph->p_align == 8 ? 8 : 4, out);
	}
}

enum elfhead_result elfhead_read(const struct elfhead_source *source, struct elfhead *out)
{
	const struct elfclass *c;
	uint8_t first[EI_NIDENT];
	bool based = false;
	Elf64_Ehdr eh;

	if (!source->read(source, 0, first, sizeof(first)))
		return ELFHEAD_UNREADABLE;
	c = elfhead_class(source, &eh);
	if (!c || !is_image(c, &eh) || eh.e_phoff > UINT64_MAX / 2)
		return ELFHEAD_OTHER;
	*out = (struct elfhead){ .type = eh.e_type, .entry = eh.e_entry, .nphdrs = eh.e_phnum };
	if (!read_phdrs(source, c, eh.e_phoff, out))
		return ELFHEAD_UNREADABLE;
	for (size_t i = 0; i < out->nphdrs; i++) {
		const Elf64_Phdr *ph = &out->phdr[i];

		if (ph->p_type == PT_LOAD && ph->p_memsz && !take_load(ph, out, &based))
			return ELFHEAD_OTHER;
		if (ph->p_type == PT_TLS)
			out->tls_size = ph->p_memsz;
	}
	if (!based)
		return ELFHEAD_OTHER;
	take_notes(source, out);
	return ELFHEAD_OK;
}
