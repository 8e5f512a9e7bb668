#include "formats/image.h"

#include "formats/codescope.h"
#include "formats/demangle.h"
#include "formats/elfhead.h"
#include "formats/linetable.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <unistd.h>

struct image_symbol {
	uint64_t addr, size; /* size of an unsized one: to the end of its section */
	const char *name;
	const char *readable; /* demangled, or name; NULL: not tried yet */
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
 * libdwfl asks for a debug file. Ours and not the standard callback, which would ask debuginfod
 * servers by itself. For the file that dwz shares among many it asks too, by a name with slashes:
 * see set_shared.
 */
static int find_debug(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                      const char *file_name, const char *link, GElf_Word crc, char **found)
{
	struct image *image = *userdata;
	const char *path;
	int fd;

	(void)mod, (void)name, (void)base, (void)file_name, (void)crc;
	if (!image || !image->of || (link && strchr(link, '/')))
		return -1;
	if (!image->raw) /* it is the debug file itself */
		return -1;
	fd = modules_open_debug(image->owner, image->of, link, &path);
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
	image->alt_fd = -1;
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
	codescope_free(image->scope);
	linetable_free(image->lines);
	dwarf_end(image->alt);
	if (image->alt_fd >= 0)
		close(image->alt_fd);
	mem_free(image->symbol);
	mem_free(image->tls);
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

/* False: not a symbol that names memory. *tls: it is thread-local. */
static bool take_symbol(const struct image *image, int index, struct image_symbol *out, bool *tls)
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
	*tls = GELF_ST_TYPE(sym.st_info) == STT_TLS;
	switch (GELF_ST_TYPE(sym.st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		out->rank = 3;
		break;
	case STT_TLS:
		out->addr = sym.st_value;
		out->name = plain_name(image, name);
		return sym.st_size != 0;
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
	ARRAY(struct image_symbol) list[2] = { 0 };

	image->symbols_loaded = true;
	for (int i = 1; i < n; i++) {
		struct image_symbol symbol;
		bool tls;

		if (take_symbol(image, i, &symbol, &tls))
			array_push(&list[tls], symbol);
	}
	for (size_t i = 0; i < 2; i++)
		if (list[i].n)
			qsort(list[i].v, list[i].n, sizeof(*list[i].v), by_address);
	image->symbol = list[0].v;
	image->nsymbols = list[0].n;
	image->tls = list[1].v;
	image->ntls = list[1].n;
}

/*
 * A sized symbol must cover the address; a bigger one may enclose smaller ones that do not. Of the
 * unsized ones (assembly) the nearest below counts, if no sized one covers.
 */
static struct image_symbol *find(struct image_symbol *v, size_t n, uint64_t at)
{
	struct image_symbol *unsized = NULL;
	size_t behind = first_behind(v, n, addr, at);

	for (size_t i = behind; i-- > 0 && behind - i < 64;) {
		if (at - v[i].addr >= v[i].size)
			continue;
		if (!v[i].unsized)
			return &v[i];
		if (!unsized && v[i].addr == v[behind - 1].addr)
			unsized = &v[i];
	}
	return unsized;
}

static const char *named(struct image *image, struct image_symbol *s, uint64_t at,
                         const char **name, uint64_t *offset)
{
	if (!s)
		return NULL;
	if (!s->readable)
		s->readable = demangle(&image->owner->pool, s->name);
	if (!s->readable)
		s->readable = s->name;
	*name = s->readable;
	*offset = at - s->addr;
	return s->name;
}

const char *image_symbol_at(struct image *image, uint64_t at, const char **name, uint64_t *offset)
{
	if (!image->symbols_loaded)
		load_symbols(image);
	return named(image, find(image->symbol, image->nsymbols, at), at, name, offset);
}

const char *image_tls_symbol_at(struct image *image, uint64_t at, const char **name,
                                uint64_t *offset)
{
	if (!image->symbols_loaded)
		load_symbols(image);
	return named(image, find(image->tls, image->ntls, at), at, name, offset);
}

/* ---- debug information ---- */

/*
 * The debug file that dwz made of what several share: by its build-id only. libdw would open
 * whatever file the link names, so it is told that there is none where we have none: -1 is what
 * libdw notes itself then (elfutils libdw/dwarf_getalt.c, 0.171 to 0.193).
 */
static void set_shared(struct image *image, Dwarf *dwarf)
{
	struct module wanted = { 0 };
	const void *id;
	const char *name, *path;
	ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);

	image->alt_tried = true;
	if (size <= 0)
		return;
	if (size <= BUILD_ID_MAX && image->of) {
		memcpy(wanted.build_id, id, (size_t)size);
		wanted.build_id_size = (size_t)size;
		image->alt_fd = modules_open_debug(image->owner, &wanted, NULL, &path);
	}
	if (image->alt_fd >= 0)
		image->alt = dwarf_begin(image->alt_fd, DWARF_C_READ);
	dwarf_setalt(dwarf, image->alt ? image->alt : (Dwarf *)-1);
}

struct Dwarf *image_debug(struct image *image, uint64_t *bias)
{
	Dwarf *dwarf = dwfl_module_getdwarf(image->module, bias);

	if (dwarf && !image->alt_tried)
		set_shared(image, dwarf);
	return dwarf;
}

struct Dwarf_CFI_s *image_cfi(const struct image *image, bool debug, uint64_t *bias)
{
	if (debug)
		return dwfl_module_dwarf_cfi(image->module, bias);
	return image->raw ? dwfl_module_eh_cfi(image->module, bias) : NULL;
}
