#include "formats/function.h"

#include "formats/elfhead.h"
#include "formats/fde.h"
#include "formats/image.h"

#include <stdlib.h>

#define SYMBOLS_MAX (UINT64_C(1) << 23) /* of one table */
#define RELOCS_MAX  (UINT64_C(1) << 23)

typedef ARRAY(struct function_name) name_list;

struct reading {
	const struct image *image;
	struct fde_list list;
	name_list slot, defined;
	bool damaged;
};

/* ---- bytes of the file ---- */

/* len bytes at an address, as the file has them; NULL: not there in one piece. */
static const uint8_t *mapped(const struct image *image, uint64_t at, uint64_t len)
{
	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];

		if (ph->p_type != PT_LOAD || at < ph->p_vaddr ||
		    !range_holds(0, ph->p_filesz, at - ph->p_vaddr, len))
			continue;
		at = at - ph->p_vaddr + ph->p_offset;
		return range_holds(0, image->raw_size, at, len) ? image->raw + at : NULL;
	}
	return NULL;
}

/* A string within table, which has size bytes; NULL: it does not end there. */
static const char *string_at(const uint8_t *table, uint64_t size, uint64_t offset)
{
	if (offset >= size || !memchr(table + offset, 0, size - offset))
		return NULL;
	return (const char *)table + offset;
}

/* ---- symbols ---- */

static void take_symbol(struct reading *r, const Elf64_Sym *sym, const char *name)
{
	struct function_name defined = { name, sym->st_value };

	if (!name || !*name || sym->st_shndx == SHN_UNDEF || !sym->st_value ||
	    (ELF64_ST_TYPE(sym->st_info) != STT_FUNC &&
	     ELF64_ST_TYPE(sym->st_info) != STT_GNU_IFUNC))
		return;
	array_push(&r->defined, defined);
	if (sym->st_size && sym->st_value + sym->st_size > sym->st_value)
		fde_add(&r->list, sym->st_value, sym->st_value + sym->st_size, true);
}

static bool read_section(const struct image *image, const Elf64_Ehdr *eh, uint64_t i,
                         Elf64_Shdr *sh)
{
	return eh->e_shentsize == sizeof(*sh) &&
	       image_bytes(image, eh->e_shoff + i * sizeof(*sh), sh, sizeof(*sh));
}

static void read_table(struct reading *r, const Elf64_Shdr *table, const Elf64_Shdr *strings)
{
	uint64_t n = table->sh_size / sizeof(Elf64_Sym), size = r->image->raw_size;
	const uint8_t *names;

	if (!range_holds(0, size, table->sh_offset, table->sh_size) || n > SYMBOLS_MAX ||
	    !range_holds(0, size, strings->sh_offset, strings->sh_size)) {
		r->damaged = true;
		return;
	}
	names = r->image->raw + strings->sh_offset;
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Sym sym;

		memcpy(&sym, r->image->raw + table->sh_offset + i * sizeof(sym), sizeof(sym));
		take_symbol(r, &sym, string_at(names, strings->sh_size, sym.st_name));
	}
}

static void read_symbols(struct reading *r)
{
	Elf64_Ehdr eh;

	if (!image_bytes(r->image, 0, &eh, sizeof(eh)) || eh.e_shoff > r->image->raw_size)
		return;
	for (unsigned i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr table, strings;

		if (!read_section(r->image, &eh, i, &table) ||
		    (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM))
			continue;
		if (table.sh_link < eh.e_shnum &&
		    read_section(r->image, &eh, table.sh_link, &strings))
			read_table(r, &table, &strings);
		else
			r->damaged = true;
	}
}

/* ---- imports ---- */

struct dynamic {
	uint64_t rela, relasz, jmprel, pltrelsz, symtab, strtab, strsz;
};

static void read_dynamic(struct reading *r, struct dynamic *d)
{
	for (size_t i = 0; i < r->image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &r->image->head->phdr[i];
		uint64_t n = ph->p_filesz / sizeof(Elf64_Dyn);

		if (ph->p_type != PT_DYNAMIC)
			continue;
		for (uint64_t j = 0; j < n && j < 4096; j++) {
			Elf64_Dyn dyn;

			if (!image_bytes(r->image, ph->p_offset + j * sizeof(dyn), &dyn,
			                 sizeof(dyn)))
				return;
			switch (dyn.d_tag) {
			case DT_NULL:
				return;
			case DT_RELA:
				d->rela = dyn.d_un.d_ptr;
				break;
			case DT_RELASZ:
				d->relasz = dyn.d_un.d_val;
				break;
			case DT_JMPREL:
				d->jmprel = dyn.d_un.d_ptr;
				break;
			case DT_PLTRELSZ:
				d->pltrelsz = dyn.d_un.d_val;
				break;
			case DT_SYMTAB:
				d->symtab = dyn.d_un.d_ptr;
				break;
			case DT_STRTAB:
				d->strtab = dyn.d_un.d_ptr;
				break;
			case DT_STRSZ:
				d->strsz = dyn.d_un.d_val;
				break;
			}
		}
	}
}

static void read_relocs(struct reading *r, const struct dynamic *d, uint64_t at, uint64_t size)
{
	const uint8_t *names = mapped(r->image, d->strtab, d->strsz);
	const uint8_t *table = mapped(r->image, at, size);
	uint64_t n = size / sizeof(Elf64_Rela);

	if (!size)
		return;
	if (!names || !table || n > RELOCS_MAX) {
		r->damaged = true;
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		struct function_name slot;
		const uint8_t *p;
		Elf64_Rela rel;
		Elf64_Sym sym;

		memcpy(&rel, table + i * sizeof(rel), sizeof(rel));
		if (!ELF64_R_SYM(rel.r_info) || rel.r_addend)
			continue;
		p = mapped(r->image, d->symtab + ELF64_R_SYM(rel.r_info) * sizeof(sym),
		           sizeof(sym));
		if (!p)
			continue;
		memcpy(&sym, p, sizeof(sym));
		slot = (struct function_name){ string_at(names, d->strsz, sym.st_name),
			                       rel.r_offset };
		if (slot.name && *slot.name)
			array_push(&r->slot, slot);
	}
}

/* ---- the result ---- */

static int by_at(const void *a, const void *b)
{
	const struct function_name *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct function_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static void set_code(const struct image *image, struct functions *out)
{
	out->code = pool_alloc(&out->pool, ELFHEAD_PHDRS * sizeof(*out->code));
	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];
		const uint8_t *bytes;

		if (ph->p_type == PT_GNU_RELRO) {
			out->relro_start = ph->p_vaddr;
			out->relro_end = ph->p_vaddr + ph->p_memsz;
		}
		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || !ph->p_filesz)
			continue;
		bytes = mapped(image, ph->p_vaddr, ph->p_filesz);
		if (bytes)
			out->code[out->ncode++] = (struct function_range){
				ph->p_vaddr, ph->p_vaddr + ph->p_filesz, bytes
			};
		else
			out->damaged = true;
	}
}

/* The first name of several by the alphabet. names: sorted by address. */
static void set_names(struct functions *out, const name_list *names)
{
	size_t j = 0;

	for (size_t i = 0; i < out->n; i++) {
		while (j < names->n && names->v[j].at < out->v[i].start)
			j++;
		if (j < names->n && names->v[j].at == out->v[i].start)
			out->v[i].name = names->v[j].name;
	}
}

static void set_functions(struct reading *r, struct functions *out)
{
	fde_sort(&r->list);
	out->v = mem_alloc(r->list.n ? r->list.n : 1, sizeof(*out->v));
	for (size_t i = 0; i < r->list.n; i++) {
		const struct fde *f = &r->list.v[i];

		if (function_code(out, f->start, f->end - f->start))
			out->v[out->n++] = (struct function){ f->start, f->end, NULL };
	}
	if (r->defined.n)
		qsort(r->defined.v, r->defined.n, sizeof(*r->defined.v), by_at);
	set_names(out, &r->defined);
	if (r->defined.n)
		qsort(r->defined.v, r->defined.n, sizeof(*r->defined.v), by_name);
	if (r->slot.n)
		qsort(r->slot.v, r->slot.n, sizeof(*r->slot.v), by_at);
	out->defined = r->defined.v;
	out->ndefined = r->defined.n;
	out->slot = r->slot.v;
	out->nslots = r->slot.n;
}

bool functions_read(struct modules *modules, const struct module *module, struct functions *out,
                    struct err *err)
{
	const struct image *image = modules_image(modules, module);
	struct dynamic d = { 0 };
	struct reading r = { .image = image };
	Elf64_Ehdr eh;

	if (!image || !image->raw || !image_bytes(image, 0, &eh, sizeof(eh)))
		return err_set(err, "its file is not at hand: %s",
		               module->file_missing ? module->file_missing : "it cannot be read");
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return err_set(err, "its code is not for x86-64");
	*out = (struct functions){ .image = image };
	set_code(image, out);
	fde_read(image, &r.list, &r.damaged);
	read_symbols(&r);
	read_dynamic(&r, &d);
	read_relocs(&r, &d, d.rela, d.relasz);
	read_relocs(&r, &d, d.jmprel, d.pltrelsz);
	set_functions(&r, out);
	out->damaged = out->damaged || r.damaged;
	array_free(&r.list);
	return true;
}

void functions_free(struct functions *functions)
{
	mem_free(functions->v);
	mem_free(functions->slot);
	mem_free(functions->defined);
	pool_free(&functions->pool);
	*functions = (struct functions){ 0 };
}

const struct function *function_at(const struct functions *functions, uint64_t at)
{
	size_t i = first_behind(functions->v, functions->n, end, at);

	return i < functions->n && functions->v[i].start <= at ? &functions->v[i] : NULL;
}

const uint8_t *function_code(const struct functions *functions, uint64_t at, uint64_t len)
{
	for (size_t i = 0; i < functions->ncode; i++) {
		const struct function_range *c = &functions->code[i];

		if (range_holds(c->start, c->end, at, len))
			return c->bytes + (at - c->start);
	}
	return NULL;
}

const char *function_slot(const struct functions *functions, uint64_t at)
{
	size_t i = first_where(k, 0, functions->nslots, functions->slot[k].at >= at);

	return i < functions->nslots && functions->slot[i].at == at ? functions->slot[i].name
	                                                            : NULL;
}

uint64_t function_named(const struct functions *functions, const char *name)
{
	size_t i = first_where(k, 0, functions->ndefined,
	                       strcmp(functions->defined[k].name, name) >= 0);

	return i < functions->ndefined && !strcmp(functions->defined[i].name, name)
	               ? functions->defined[i].at
	               : 0;
}

static bool is_kept(const struct functions *functions, uint64_t at)
{
	size_t i = first_where(k, 0, functions->nkept, functions->kept[k] >= at);

	return i < functions->nkept && functions->kept[i] == at;
}

enum function_memory function_memory(const struct functions *functions, uint64_t at, unsigned len,
                                     uint64_t *value)
{
	const struct image *image = functions->image;

	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];
		const uint8_t *p;

		if (ph->p_type != PT_LOAD || at < ph->p_vaddr ||
		    !range_holds(0, ph->p_filesz, at - ph->p_vaddr, len))
			continue;
		if (ph->p_flags & PF_W)
			break;
		p = mapped(image, at, len);
		if (!p || len > 8)
			return FUNCTION_CHANGES;
		*value = 0;
		memcpy(value, p, len);
		return FUNCTION_FIXED;
	}
	if (range_holds(functions->relro_start, functions->relro_end, at, len) ||
	    function_slot(functions, at) || is_kept(functions, at))
		return FUNCTION_LOADED;
	return FUNCTION_CHANGES;
}
