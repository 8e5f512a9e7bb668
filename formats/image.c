#include "formats/image.h"

#include "formats/elfhead.h"
#include "formats/hostfile.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <unistd.h>

struct image_symbol {
	uint64_t addr, size; /* size of an unsized one: to the end of its section */
	const char *name;
	uint8_t rank; /* function, object, label: of several at one address the highest wins */
	bool unsized;
};

/* ---- opening ---- */

static int no_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                  char **file_name, Elf **elf)
{
	(void)mod, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
	return -1;
}

/*
 * libdwfl asks for a debug file, also for the one that dwz shares among many: then the module has
 * that one's build-id. Ours and not the standard callback, which would ask debuginfod servers.
 */
static int find_debug(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                      const char *file_name, const char *link, GElf_Word crc, char **found)
{
	struct image *image = *userdata;
	struct module wanted = { 0 };
	const unsigned char *bits;
	const char *path;
	GElf_Addr at;
	int size = dwfl_module_build_id(mod, &bits, &at), fd;

	(void)name, (void)base, (void)file_name, (void)crc;
	if (!image || !image->of || size <= 0 || size > BUILD_ID_MAX)
		return -1;
	memcpy(wanted.build_id, bits, (size_t)size);
	wanted.build_id_size = (size_t)size;
	if (wanted.build_id_size == image->of->build_id_size &&
	    !memcmp(wanted.build_id, image->of->build_id, wanted.build_id_size))
		wanted.file = image->of->file;
	fd = hostfile_open_debug(&image->owner->pool, &image->owner->where, &wanted, link, &path);
	if (fd >= 0) {
		*found = mem_alloc(1, strlen(path) + 1); /* libdwfl frees it */
		memcpy(*found, path, strlen(path));
	}
	return fd;
}

static const Dwfl_Callbacks callbacks = { .find_elf = no_elf, .find_debuginfo = find_debug };

struct image *image_open(struct modules *owner, const struct module *of, const char *path, int fd,
                         bool has_code)
{
	struct image *image = mem_alloc(1, sizeof(*image));
	struct elfhead_source file = elfhead_file(fd);
	void **userdata;
	GElf_Addr bias;
	Elf *elf;

	image->owner = owner;
	image->of = of;
	image->head = mem_alloc(1, sizeof(*image->head));
	elf_version(EV_CURRENT);
	image->dwfl = elfhead_read(&file, image->head) == ELFHEAD_OK ? dwfl_begin(&callbacks)
	                                                             : NULL;
	if (!image->dwfl) {
		close(fd);
		image_close(image);
		return NULL;
	}
	dwfl_report_begin(image->dwfl);
	image->module = dwfl_report_elf(image->dwfl, path, path, fd, 0, true);
	if (!image->module)
		close(fd);
	dwfl_report_end(image->dwfl, NULL, NULL);
	elf = image->module ? dwfl_module_getelf(image->module, &bias) : NULL;
	if (!elf) {
		image_close(image);
		return NULL;
	}
	dwfl_module_info(image->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = image;
	if (has_code)
		image->raw = (const uint8_t *)elf_rawfile(elf, &image->raw_size);
	return image;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	if (image->dwfl)
		dwfl_end(image->dwfl);
	mem_free(image->symbol);
	mem_free(image->head);
	mem_free(image);
}

bool image_bytes(const struct image *image, uint64_t offset, void *dst, uint64_t len)
{
	if (!image->raw || !range_holds(0, image->raw_size, offset, len))
		return false;
	memcpy(dst, image->raw + offset, len);
	return true;
}

/* ---- symbols ---- */

static bool in_code(const struct image *image, uint64_t at)
{
	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) && at >= ph->p_vaddr &&
		    at - ph->p_vaddr < ph->p_memsz)
			return true;
	}
	return false;
}

/* Bytes from at to the end of the section that it is in. */
static uint64_t section_rest(Elf *elf, GElf_Word index, uint64_t at)
{
	GElf_Shdr sh;
	Elf_Scn *scn = elf ? elf_getscn(elf, index) : NULL;

	if (!scn || !gelf_getshdr(scn, &sh) || at < sh.sh_addr || at - sh.sh_addr >= sh.sh_size)
		return 0;
	return sh.sh_size - (at - sh.sh_addr);
}

/* Without the version that .symtab appends: pthread_cond_wait@@GLIBC_2.3.2. */
static const char *plain_name(const struct image *image, const char *name)
{
	const char *version = strchr(name, '@');

	if (!version || version == name)
		return name;
	return pool_strndup(&image->owner->pool, name, (size_t)(version - name));
}

/* False: not a symbol that names memory. */
static bool take_symbol(const struct image *image, int index, struct image_symbol *out)
{
	GElf_Word section = SHN_UNDEF;
	Dwarf_Addr bias = 0;
	Elf *elf = NULL;
	GElf_Addr addr;
	GElf_Sym sym;
	const char *name = dwfl_module_getsym_info(image->module, index, &sym, &addr, &section,
	                                           &elf, &bias);

	if (!name || !*name || section == SHN_UNDEF || section == SHN_ABS ||
	    section == (GElf_Word)-1 || (section >= SHN_LORESERVE && section <= SHN_HIRESERVE))
		return false;
	*out = (struct image_symbol){ .addr = addr, .size = sym.st_size, .name = name };
	switch (GELF_ST_TYPE(sym.st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		out->rank = 3;
		break;
	case STT_OBJECT:
	case STT_COMMON:
		out->rank = 2;
		break;
	case STT_NOTYPE:
		out->rank = 1;
		if (!in_code(image, addr))
			return false;
		break;
	default:
		return false;
	}
	if (!out->size) {
		out->unsized = true;
		out->size = section_rest(elf, section, addr - bias);
	}
	out->name = plain_name(image, name);
	return out->size != 0;
}

/* Aliases by name, and the last one is taken, as gdb does: poll before __poll. */
static int by_address(const void *a, const void *b)
{
	const struct image_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void load_symbols(struct image *image)
{
	int n = dwfl_module_getsymtab(image->module);
	ARRAY(struct image_symbol) list = { 0 };

	image->symbols_loaded = true;
	for (int i = 1; i < n; i++) {
		struct image_symbol symbol;

		if (take_symbol(image, i, &symbol))
			array_push(&list, symbol);
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_address);
	image->symbol = list.v;
	image->nsymbols = list.n;
}

/*
 * A sized symbol must cover the address; a bigger one may enclose smaller ones that do not. Of the
 * unsized ones (assembly) the nearest below counts, if no sized one covers.
 */
const char *image_symbol_at(struct image *image, uint64_t at, uint64_t *offset)
{
	const struct image_symbol *unsized = NULL;
	size_t lo = 0, hi;

	if (!image->symbols_loaded)
		load_symbols(image);
	hi = image->nsymbols;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (image->symbol[mid].addr <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i-- > 0 && lo - i < 64;) {
		const struct image_symbol *s = &image->symbol[i];

		if (at - s->addr >= s->size)
			continue;
		if (!s->unsized) {
			*offset = at - s->addr;
			return s->name;
		}
		if (!unsized && s->addr == image->symbol[lo - 1].addr)
			unsized = s;
	}
	if (!unsized)
		return NULL;
	*offset = at - unsized->addr;
	return unsized->name;
}

/* ---- lines ---- */

/* The compilation unit that covers at; by scanning where the file has no .debug_aranges (clang). */
static Dwarf_Die *unit_at(Dwarf *dwarf, Dwarf_Addr at, Dwarf_Die *mem)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;

	if (dwarf_addrdie(dwarf, at, mem))
		return mem;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0) {
		if (dwarf_haspc(&unit, at) == 1) {
			*mem = unit;
			return mem;
		}
	}
	return NULL;
}

bool image_line(struct image *image, uint64_t at, const char **file, int *line)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(image->module, &bias);
	Dwarf_Die mem, *unit = dwarf ? unit_at(dwarf, at - bias, &mem) : NULL;
	Dwarf_Line *found = unit ? dwarf_getsrc_die(unit, at - bias) : NULL;

	if (!found || dwarf_lineno(found, line) || *line <= 0)
		return false;
	*file = dwarf_linesrc(found, NULL, NULL);
	return *file != NULL;
}

struct Dwarf_CFI_s *image_cfi(const struct image *image, bool debug, uint64_t *bias)
{
	if (debug)
		return dwfl_module_dwarf_cfi(image->module, bias);
	return image->raw ? dwfl_module_eh_cfi(image->module, bias) : NULL;
}
