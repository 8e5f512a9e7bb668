#include "formats/elfclass.h"

const struct elfclass *elfclass_of(const uint8_t *ident)
{
	static const struct elfclass classes[] = {
		{ ELFCLASS64, sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), sizeof(Elf64_Shdr) },
		{ ELFCLASS32, sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr), sizeof(Elf32_Shdr) },
	};

	if (memcmp(ident, ELFMAG, SELFMAG) || ident[EI_DATA] != ELFDATA2LSB)
		return NULL;
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (classes[i].ident == ident[EI_CLASS])
			return &classes[i];
	return NULL;
}

void elfclass_ehdr(const struct elfclass *c, const void *p, Elf64_Ehdr *out)
{
	Elf32_Ehdr h;

	if (c->ident == ELFCLASS64) {
		memcpy(out, p, sizeof(*out));
		return;
	}
	memcpy(&h, p, sizeof(h));
	*out = (Elf64_Ehdr){ .e_type = h.e_type,
		             .e_machine = h.e_machine,
		             .e_version = h.e_version,
		             .e_entry = h.e_entry,
		             .e_phoff = h.e_phoff,
		             .e_shoff = h.e_shoff,
		             .e_flags = h.e_flags,
		             .e_ehsize = h.e_ehsize,
		             .e_phentsize = h.e_phentsize,
		             .e_phnum = h.e_phnum,
		             .e_shentsize = h.e_shentsize,
		             .e_shnum = h.e_shnum,
		             .e_shstrndx = h.e_shstrndx };
	memcpy(out->e_ident, h.e_ident, sizeof(h.e_ident));
}

void elfclass_phdr(const struct elfclass *c, const void *p, Elf64_Phdr *out)
{
	Elf32_Phdr h;

	if (c->ident == ELFCLASS64) {
		memcpy(out, p, sizeof(*out));
		return;
	}
	memcpy(&h, p, sizeof(h));
	*out = (Elf64_Phdr){ .p_type = h.p_type,
		             .p_flags = h.p_flags,
		             .p_offset = h.p_offset,
		             .p_vaddr = h.p_vaddr,
		             .p_paddr = h.p_paddr,
		             .p_filesz = h.p_filesz,
		             .p_memsz = h.p_memsz,
		             .p_align = h.p_align };
}

void elfclass_shdr(const struct elfclass *c, const void *p, Elf64_Shdr *out)
{
	Elf32_Shdr h;

	if (c->ident == ELFCLASS64) {
		memcpy(out, p, sizeof(*out));
		return;
	}
	memcpy(&h, p, sizeof(h));
	*out = (Elf64_Shdr){ .sh_name = h.sh_name,
		             .sh_type = h.sh_type,
		             .sh_flags = h.sh_flags,
		             .sh_addr = h.sh_addr,
		             .sh_offset = h.sh_offset,
		             .sh_size = h.sh_size,
		             .sh_link = h.sh_link,
		             .sh_info = h.sh_info,
		             .sh_addralign = h.sh_addralign,
		             .sh_entsize = h.sh_entsize };
}
