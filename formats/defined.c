#include "formats/defined.h"

#include "formats/image.h"

#include <elfutils/libdwfl.h>

static uint64_t match(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*name == *names[i] && !strcmp(name, names[i]))
			return UINT64_C(1) << i;
	return 0;
}

/* One symbol table. Undefined symbols do not count, not even those with the address of a PLT entry.
 */
static uint64_t search(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, const char *const *names,
                       size_t n)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t count = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;
	uint64_t found = 0;

	for (size_t i = 1; data && i < count && i < INT32_MAX; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		if (sym.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		found |= name ? match(name, names, n) : 0;
	}
	return found;
}

bool module_defines(struct modules *modules, const struct module *module, const char *const *names,
                    size_t n, uint64_t *found)
{
	struct image *image = modules_image(modules, module);
	GElf_Addr bias;
	Elf *elf = image ? dwfl_module_getelf(image->module, &bias) : NULL;
	Elf_Scn *scn = NULL;

	if (!elf)
		return false;
	*found = 0;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) &&
		    (sh.sh_type == SHT_DYNSYM || sh.sh_type == SHT_SYMTAB))
			*found |= search(elf, scn, &sh, names, n);
	}
	return true;
}
