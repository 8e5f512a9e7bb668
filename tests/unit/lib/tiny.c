#include "tests/unit/lib/tiny.h"

#include <elf.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define PAGE 4096

void tiny_cc(const char *out, const char *flags, const char *assembly)
{
	const char *cc = getenv("CC");
	char source[512], command[2048];
	FILE *f;

	snprintf(source, sizeof(source), "%s.s", out);
	f = fopen(source, "w");
	assert_non_null(f);
	fputs(assembly, f);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command),
	         "%s -shared -nostdlib -Wl,--build-id=sha1 -Wl,-z,noexecstack %s -o %s %s",
	         cc && *cc ? cc : "cc", flags ? flags : "", out, source);
	assert_int_equal(system(command), 0);
}

static uint8_t *read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = mem_alloc(1, 1 << 20);

	assert_non_null(f);
	*size = fread(bytes, 1, 1 << 20, f);
	assert_true(*size > sizeof(Elf64_Ehdr) && *size < 1 << 20);
	fclose(f);
	return bytes;
}

void tiny_map(struct tiny *t, vaddr start, uint64_t size, unsigned flags, const void *bytes,
              uint64_t saved)
{
	struct segment s = { .start = start,
		             .end = start + size,
		             .saved_end = start + saved,
		             .meant_end = start + saved,
		             .flags = flags,
		             .file = -1 };

	if (saved) {
		uint8_t *mem = pool_alloc(&t->core.pool, saved);

		if (bytes)
			memcpy(mem, bytes, saved);
		s.mem = mem;
	}
	array_push(&t->segs, s);
}

/* As fs/binfmt_elf.c elf_map: whole pages of the file around the PT_LOAD, then zeroes. */
static void load_part(struct tiny *t, const char *seen, const uint8_t *file, size_t file_size,
                      const Elf64_Phdr *ph, vaddr base, enum tiny_save save)
{
	uint64_t offset = round_down(ph->p_offset, PAGE);
	vaddr start = base + round_down(ph->p_vaddr, PAGE);
	vaddr file_end = base + round_up(ph->p_vaddr + ph->p_filesz, PAGE);
	vaddr end = base + round_up(ph->p_vaddr + ph->p_memsz, PAGE);
	uint64_t size = file_end - start, saved = 0;
	uint8_t *bytes = mem_alloc(1, size + PAGE);
	struct filemap line = { .start = start,
		                .end = file_end,
		                .offset = offset,
		                .path = pool_copy(&t->core.pool, seen) };

	memcpy(bytes, file + offset, file_size - offset < size ? file_size - offset : size);
	if ((ph->p_flags & PF_W) && ph->p_memsz > ph->p_filesz)
		memset(bytes + (ph->p_vaddr - round_down(ph->p_vaddr, PAGE)) + ph->p_filesz, 0,
		       size - (ph->p_vaddr - round_down(ph->p_vaddr, PAGE)) - ph->p_filesz);
	if (save == TINY_ALL || (save == TINY_KERNEL && (ph->p_flags & PF_W)))
		saved = size;
	else if (save == TINY_KERNEL && offset == 0)
		saved = PAGE;
	tiny_map(t, start, size, ph->p_flags & 7, bytes, saved);
	array_push(&t->files, line);
	if (end > file_end)
		tiny_map(t, file_end, end - file_end, ph->p_flags & 7, NULL,
		         save == TINY_NOTHING ? 0 : end - file_end);
	mem_free(bytes);
}

void tiny_load(struct tiny *t, const char *seen, const char *host, vaddr base, enum tiny_save save)
{
	size_t size;
	uint8_t *file = read_all(host, &size);
	const Elf64_Ehdr *eh = (const void *)file;
	const Elf64_Phdr *ph = (const void *)(file + eh->e_phoff);

	for (size_t i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			load_part(t, seen, file, size, &ph[i], base, save);
	mem_free(file);
}

vaddr tiny_symbol(const char *host, const char *name)
{
	size_t size;
	uint8_t *file = read_all(host, &size);
	const Elf64_Ehdr *eh = (const void *)file;
	const Elf64_Shdr *sh = (const void *)(file + eh->e_shoff);
	vaddr found = 0;

	for (size_t i = 0; i < eh->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(file + sh[i].sh_offset);
		const char *names = (const char *)file + sh[sh[i].sh_link].sh_offset;

		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		for (size_t k = 0; k < sh[i].sh_size / sizeof(*sym); k++)
			if (!strcmp(names + sym[k].st_name, name))
				found = sym[k].st_value;
	}
	mem_free(file);
	assert_true(found != 0);
	return found;
}

static int by_start(const void *a, const void *b)
{
	const vaddr *x = a, *y = b; /* both structs begin with their start */

	return *x < *y ? -1 : *x > *y;
}

struct core *tiny_core(struct tiny *t)
{
	struct core *core = &t->core;

	qsort(t->segs.v, t->segs.n, sizeof(*t->segs.v), by_start);
	if (t->files.n)
		qsort(t->files.v, t->files.n, sizeof(*t->files.v), by_start);
	core->machine = machine_of(MACHINE_X86_64);
	core->seg = t->segs.v;
	core->nseg = t->segs.n;
	core->files = t->files.v;
	core->nfiles = t->files.n;
	core->thread = t->threads.v;
	core->nthreads = t->threads.n;
	core->auxv = t->auxv;
	core->nauxv = t->nauxv;
	core->page_size = PAGE;
	for (size_t i = 0; i < core->nseg; i++) {
		const struct filemap *f = core_file(core, core->seg[i].start);

		core->seg[i].run_end = core->seg[i].saved_end;
		core->seg[i].file = f ? (int)(f - core->files) : -1;
	}
	return core;
}

struct segment *tiny_segment(struct tiny *t, vaddr at)
{
	return (struct segment *)core_segment(tiny_core(t), at);
}

void tiny_free(struct tiny *t)
{
	array_free(&t->segs);
	array_free(&t->files);
	array_free(&t->threads);
	pool_free(&t->core.pool);
	*t = (struct tiny){ 0 };
}
