/*
 * A module's TLS is at the same distance from the thread pointer in every thread. Of the executable
 * it follows from the program header, as code in it is linked for it (glibc elf/dl-tls.c,
 * _dl_determine_tlsoffset, 2.17 to 2.43). Of a library the loader wrote it into the words that
 * relocations ask for, which are in the core: the distance itself (TPOFF), or the module's number
 * (DTPMOD), by which the thread's vector of TLS blocks is sorted (glibc sysdeps/generic/dl-dtv.h:
 * 16 bytes an entry, the address first; found at the thread pointer, or 8 behind it on x86-64).
 */
#include "formats/threadlocal.h"

#include "formats/elfhead.h"
#include "formats/image.h"

#include <elfutils/libdwfl.h>

#define TLS_MOST     (INT64_C(1) << 30)
#define RELOCS_MOST  (1 << 20) /* looked at in one section */
#define MODULES_MOST (1 << 16) /* with TLS */
#define TCB_SIZE     16        /* at the thread pointer, where TLS lies above it */

static const Elf64_Phdr *tls_header(const struct elfhead *head)
{
	for (size_t i = 0; i < head->nphdrs; i++)
		if (head->phdr[i].p_type == PT_TLS)
			return &head->phdr[i];
	return NULL;
}

/* From the thread pointer to the executable's TLS. */
static bool of_executable(const struct core *core, const struct image *image, int64_t *distance)
{
	const Elf64_Phdr *ph = tls_header(image->head);
	uint64_t align = ph && ph->p_align ? ph->p_align : 1, first, off;

	if (!ph || (align & (align - 1)) || align > 1 << 20 || ph->p_memsz > (uint64_t)TLS_MOST)
		return false;
	first = -ph->p_vaddr & (align - 1);
	if (core->machine->tls_above) {
		off = round_up(TCB_SIZE, align);
		if (off - TCB_SIZE < first)
			off += align;
		*distance = (int64_t)(off - first);
	} else {
		*distance = -(int64_t)(round_up(ph->p_memsz - first, align) + first);
	}
	return true;
}

struct search {
	const struct core *core;
	const struct module *module;
	vaddr tp;
};

/* The variable's offset in its module's TLS; false: it may be another module's. */
static bool offset_of(Elf *elf, const GElf_Shdr *sh, const GElf_Rela *rela, uint64_t *offset)
{
	Elf_Scn *scn = elf_getscn(elf, sh->sh_link);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Sym sym;

	*offset = (uint64_t)rela->r_addend;
	if (!GELF_R_SYM(rela->r_info))
		return true;
	if (!data || GELF_R_SYM(rela->r_info) > INT32_MAX ||
	    !gelf_getsym(data, (int)GELF_R_SYM(rela->r_info), &sym) || sym.st_shndx == SHN_UNDEF ||
	    GELF_ST_TYPE(sym.st_info) != STT_TLS)
		return false;
	*offset += sym.st_value;
	return true;
}

/* What the loader wrote for one relocation, as the distance from tp to the module's TLS. */
static bool by_reloc(const struct search *s, Elf *elf, const GElf_Shdr *sh, const GElf_Rela *rela,
                     int64_t *distance)
{
	bool arm = s->core->machine->id == MACHINE_AARCH64;
	uint64_t type = GELF_R_TYPE(rela->r_info), offset, value, dtv;

	if (type != (arm ? R_AARCH64_TLS_TPREL : R_X86_64_TPOFF64) &&
	    type != (arm ? R_AARCH64_TLS_DTPMOD : R_X86_64_DTPMOD64))
		return false;
	if (!offset_of(elf, sh, rela, &offset) ||
	    !core_read64(s->core, s->module->bias + rela->r_offset, &value))
		return false;
	if (type == (arm ? R_AARCH64_TLS_DTPMOD : R_X86_64_DTPMOD64)) {
		vaddr slot = s->tp + (s->core->machine->tls_above ? 0 : 8);

		if (!value || value > MODULES_MOST || !core_read64(s->core, slot, &dtv) ||
		    !core_read64(s->core, dtv + value * 16, &value))
			return false;
		offset = s->tp;
	}
	*distance = (int64_t)(value - offset);
	return *distance > -TLS_MOST && *distance < TLS_MOST;
}

static bool in_section(const struct search *s, Elf *elf, Elf_Scn *scn, int64_t *distance)
{
	Elf_Data *data;
	GElf_Shdr sh;

	if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !(sh.sh_flags & SHF_ALLOC) ||
	    !(data = elf_getdata(scn, NULL)))
		return false;
	for (int i = 0; i < RELOCS_MOST; i++) {
		GElf_Rela rela;

		if (!gelf_getrela(data, i, &rela))
			return false;
		if (by_reloc(s, elf, &sh, &rela, distance))
			return true;
	}
	return false;
}

static bool of_library(const struct search *s, const struct image *image, int64_t *distance)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(image->module, &bias);
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn)))
		if (in_section(s, elf, scn, distance))
			return true;
	return false;
}

/* The variable was in one of those whose files are missing. */
static void mark_nameless(struct modules *modules)
{
	for (size_t i = 0; i < modules->n; i++)
		if (modules->v[i].tls_size && !modules_image(modules, &modules->v[i]))
			modules->v[i].nameless = true;
}

bool threadlocal_start(const struct core *core, struct modules *modules, const struct module *m,
                       vaddr tp, vaddr *start)
{
	struct search search = { .core = core, .module = m, .tp = tp };
	struct image *image = tp && m->tls_size ? modules_image(modules, m) : NULL;
	int64_t distance;

	if (!image || !((size_t)(m - modules->v) == modules->exe
	                        ? of_executable(core, image, &distance)
	                        : of_library(&search, image, &distance)))
		return false;
	*start = tp + (uint64_t)distance;
	return true;
}

bool threadlocal_symbol(const struct core *core, struct modules *modules, vaddr tp, vaddr at,
                        struct symbol *out)
{
	*out = (struct symbol){ 0 };
	for (size_t i = 0; i < modules->n; i++) {
		const struct module *m = &modules->v[i];
		vaddr start;

		if (!threadlocal_start(core, modules, m, tp, &start) || at < start ||
		    at - start >= m->tls_size)
			continue;
		out->module = m;
		out->module_offset = at - start;
		out->raw = image_tls_symbol_at(modules_image(modules, m), at - start, &out->name,
		                               &out->offset);
		return out->raw != NULL;
	}
	mark_nameless(modules);
	return false;
}
