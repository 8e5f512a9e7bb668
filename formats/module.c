/*
 * A module is recognized by its ELF header in the core's memory (the kernel saves the first page of
 * each mapped ELF file) at a line of the file map with offset 0. Its program headers say where the
 * loader must have put the rest; only where the file map agrees is it a module and not, say, a
 * library that a debugger reads through mmap. Where header pages were not saved, executable
 * mappings of one file in a row are taken for a module of which nothing else is known.
 */
#include "formats/elfhead.h"
#include "formats/hostfile.h"
#include "formats/image.h"

#include <stdlib.h>

typedef ARRAY(struct module) module_list;

/* Does the file map have this part of the image where the loader would put it? */
static bool load_mapped(const struct core *core, const char *path, const Elf64_Phdr *ph, vaddr bias,
                        bool *has_segment)
{
	vaddr at = bias + round_down(ph->p_vaddr, 4096);
	const struct filemap *f = core_file(core, at);
	const struct segment *s = core_segment(core, at);

	*has_segment = s && !s->absent;
	return f && !f->anonymous && !strcmp(f->path, path) &&
	       f->offset + (at - f->start) == round_down(ph->p_offset, 4096) &&
	       (!*has_segment || !(ph->p_flags & PF_X) || (s->flags & SEG_X));
}

/*
 * One part beyond the first that only a loader would have put there decides: executable or writable
 * memory. Executable parts may lie as in the file, so where the core does not tell that memory was
 * executable, a writable part must agree as well.
 */
static bool is_loaded(const struct core *core, const char *path, const struct elfhead *head,
                      vaddr bias)
{
	bool code = false, data = false, any_data = false, any_code = false, all = true;

	for (size_t i = 0; i < head->nphdrs; i++) {
		const Elf64_Phdr *ph = &head->phdr[i];
		bool known, mapped;

		if (ph->p_type != PT_LOAD || !ph->p_filesz)
			continue;
		mapped = load_mapped(core, path, ph, bias, &known);
		all = all && mapped;
		if (ph->p_flags & PF_W) {
			any_data = true;
			data = data || mapped;
		} else if (ph->p_flags & PF_X) {
			any_code = true;
			code = code || (mapped && known);
		}
	}
	if (code || data)
		return true;
	return all && (!any_data || !any_code);
}

/* .bss may be claimed but not mapped in a hostile core: the range ends where memory ends. */
static vaddr mapped_end(const struct core *core, vaddr start, vaddr end)
{
	vaddr at = start;
	const struct segment *s = core_segment(core, at);

	while (s && s < core->seg + core->nseg && s->start <= at && at < end) {
		at = s->end;
		s++;
	}
	return at < end ? at : end;
}

static bool add_image(const struct core *core, const struct filemap *line,
                      const struct elfhead *head, module_list *out)
{
	vaddr bias = line->start - head->base, end = bias + head->high;
	struct module m = { .path = line->path,
		            .start = bias + head->low,
		            .bias = bias,
		            .header = true,
		            .tls_size = head->tls_size };

	if (m.start > line->start || end <= line->start || !is_loaded(core, line->path, head, bias))
		return false;
	m.end = round_up(end, core->page_size);
	if (m.end < end)
		return false;
	if (head->data_end && bias + head->data_start < bias + head->data_end) {
		m.data_start = bias + head->data_start;
		m.data_end = mapped_end(core, m.data_start, bias + head->data_end);
	}
	if (m.data_start == m.data_end)
		m.data_start = m.data_end = 0;
	memcpy(m.build_id, head->build_id, head->build_id_size);
	m.build_id_size = head->build_id_size;
	array_push(out, m);
	return true;
}

static bool line_executable(const struct core *core, const struct filemap *line)
{
	const struct segment *s = core_segment(core, line->start);

	return s && !s->absent ? (s->flags & SEG_X) != 0 : strstr(line->path, ".so") != NULL;
}

/* Lines of one path in a row, the first with offset 0, whose header page was not saved. */
static void add_headerless(const struct core *core, size_t first, module_list *out)
{
	const struct filemap *f = &core->files[first];
	bool code = line_executable(core, f);
	size_t last = first;

	while (last + 1 < core->nfiles && core->files[last + 1].offset &&
	       !strcmp(core->files[last + 1].path, f->path))
		code = line_executable(core, &core->files[++last]) || code;
	if (code) {
		struct module m = { .path = f->path,
			            .start = f->start,
			            .bias = f->start,
			            .end = core->files[last].end };

		array_push(out, m);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct module *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static size_t executable(const struct core *core, const struct modules *modules)
{
	static const uint64_t hints[] = { AT_PHDR, AT_ENTRY };

	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
		const struct module *m;
		vaddr at;

		if (core_auxv(core, hints[i], &at) && at && (m = module_at(modules, at)))
			return (size_t)(m - modules->v);
	}
	return modules->n;
}

void modules_complain(struct modules *modules, const char *text)
{
	for (size_t i = 0; text && i < modules->warnings.n; i++)
		if (!strcmp(modules->warnings.v[i], text))
			return;
	if (text)
		array_push(&modules->warnings, text);
}

/* A file that somebody named and that is not used: that must not go unnoticed. */
static void check_exe(struct modules *modules)
{
	const char *given = modules->where.exe, *why, *text;
	const struct module *exe;

	if (!given)
		return;
	if (modules->exe == modules->n) {
		text = pool_printf(
			&modules->pool,
			"--exe %s is not used: the core does not tell which of its files "
			"is the executable",
			given);
		modules_complain(modules, text);
		return;
	}
	exe = &modules->v[modules->exe];
	why = exe->build_id_size ? hostfile_refusal(exe, given) : exe->file_missing;
	if (!why)
		return;
	text = pool_printf(&modules->pool,
	                   "--exe %s is not used: %s; give the very file that ran as %s: "
	                   "`file FILE` and `coreheap check` tell build-ids",
	                   given, why, exe->path);
	modules_complain(modules, text);
}

void modules_find(const struct core *core, const struct module_options *opt, struct modules *out)
{
	struct elfhead *head = mem_alloc(1, sizeof(*head));
	module_list list = { 0 };

	*out = (struct modules){ 0 };
	if (opt)
		out->where = *opt;
	for (size_t i = 0; i < core->nfiles; i++) {
		const struct filemap *f = &core->files[i];
		struct elfhead_source memory = elfhead_memory(core, f->start);
		enum elfhead_result result;

		if (f->offset || f->anonymous)
			continue;
		result = elfhead_read(&memory, head);
		if (result == ELFHEAD_OK)
			add_image(core, f, head, &list);
		else if (result == ELFHEAD_UNREADABLE)
			add_headerless(core, i, &list);
	}
	mem_free(head);
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_start);
	out->v = list.v;
	out->n = list.n;
	out->exe = executable(core, out);
	for (size_t i = 0; i < out->n; i++)
		modules_complain(out,
		                 hostfile_find(&out->pool, &out->where, i == out->exe, &out->v[i]));
	check_exe(out);
}

void modules_free(struct modules *modules)
{
	symbolizer_free(modules->sym);
	mem_free(modules->v);
	array_free(&modules->warnings);
	pool_free(&modules->pool);
	*modules = (struct modules){ 0 };
}

/* Modules may be nested: one may lie in a hole of another. The nearest start that holds it wins. */
const struct module *module_at(const struct modules *modules, vaddr at)
{
	size_t lo = first_behind(modules->v, modules->n, start, at);

	for (size_t i = 0; i < 8 && i < lo; i++)
		if (at < modules->v[lo - 1 - i].end)
			return &modules->v[lo - 1 - i];
	return NULL;
}

/* How many bytes at `at` may be filled from the file at *offset: read-only parts only. */
static uint64_t fillable(const struct core *core, const struct module *m,
                         const struct elfhead *head, vaddr at, uint64_t *offset)
{
	const struct segment *s = core_segment(core, at);
	const struct filemap *f = core_file(core, at);

	if (!s || (s->flags & SEG_W) || at < s->meant_end || !f || f->anonymous ||
	    strcmp(f->path, m->path))
		return 0;
	*offset = f->offset + (at - f->start);
	for (size_t i = 0; i < head->nphdrs; i++) {
		const Elf64_Phdr *ph = &head->phdr[i];
		vaddr start = m->bias + ph->p_vaddr;
		uint64_t left;

		if (ph->p_type != PT_LOAD || at < start || at - start >= ph->p_filesz)
			continue;
		if ((ph->p_flags & PF_W) || *offset != ph->p_offset + (at - start))
			return 0;
		left = ph->p_filesz - (at - start);
		if (left > s->end - at)
			left = s->end - at;
		return left < f->end - at ? left : f->end - at;
	}
	return 0;
}

bool module_is_runtime(const struct module *module)
{
	static const char *const names[] = { "libc.so",    "libc-2",   "ld-linux", "ld-2",
		                             "libstdc++",  "libgcc_s", "libm.so",  "libm-2",
		                             "libpthread", "libdl",    "libc++" };
	const char *base = base_name(module->path);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	return false;
}

bool module_read(const struct core *core, struct modules *modules, vaddr at, void *dst,
                 uint64_t len)
{
	uint8_t *to = dst;

	while (len) {
		uint64_t have = 0, offset = 0;
		const uint8_t *saved = core_bytes(core, at, &have);

		if (have > len)
			have = len;
		if (saved) {
			memcpy(to, saved, have);
		} else {
			const struct module *m = module_at(modules, at);
			struct image *image = m ? modules_image(modules, m) : NULL;

			have = image ? fillable(core, m, image->head, at, &offset) : 0;
			if (have > len)
				have = len;
			if (!have || !image_bytes(image, offset, to, have))
				return false;
		}
		to += have;
		at += have;
		len -= have;
	}
	return true;
}
