#include "formats/core.h"
#include "formats/elfclass.h"
#include "formats/input.h"
#include "formats/notes.h"
#include "formats/scarce.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- program headers ---- */

/*
 * e_phnum is 16 bits; PN_XNUM there means that section header 0 holds the count (ELF gABI). In a
 * truncated file the section header is lost: the notes follow the program headers directly
 * (Linux fs/binfmt_elf.c elf_core_dump), so their offset tells.
 */
static uint64_t phdr_count(const struct core *core, const struct elfclass *c, const Elf64_Ehdr *eh)
{
	const uint8_t *map = core->map;

	if (eh->e_phnum != PN_XNUM)
		return eh->e_phnum;
	if (range_holds(0, core->file_size, eh->e_shoff, c->shdr) && eh->e_shoff) {
		Elf64_Shdr sh;

		elfclass_shdr(c, map + eh->e_shoff, &sh);
		if (sh.sh_info)
			return sh.sh_info;
	}
	if (range_holds(0, core->file_size, eh->e_phoff, c->phdr)) {
		Elf64_Phdr ph;

		elfclass_phdr(c, map + eh->e_phoff, &ph);
		if (ph.p_type == PT_NOTE && ph.p_offset > eh->e_phoff)
			return (ph.p_offset - eh->e_phoff) / c->phdr;
	}
	return PN_XNUM;
}

static void add_load(struct core *core, const Elf64_Phdr *ph, struct segment *s)
{
	uint64_t saved = ph->p_filesz < ph->p_memsz ? ph->p_filesz : ph->p_memsz, have = 0;

	if (ph->p_filesz > ph->p_memsz || ph->p_vaddr + ph->p_memsz < ph->p_vaddr)
		core->bad_headers = true;
	*s = (struct segment){
		.start = ph->p_vaddr, .flags = ph->p_flags & 7u, .file = -1, .offset = ph->p_offset
	};
	if (__builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &s->end))
		s->end = round_down(UINT64_MAX, 4096);
	if (saved > s->end - s->start)
		saved = s->end - s->start;
	if (ph->p_offset < core->file_size)
		have = core->file_size - ph->p_offset;
	if (have > saved)
		have = saved;
	if (have)
		s->mem = (const uint8_t *)core->map + ph->p_offset;
	s->saved_end = s->start + have;
	s->meant_end = s->start + saved;
	if (have < saved) {
		core->truncated = true;
		core->missing += saved - have;
	}
}

/*
 * The kernel lays segments one after the other: a gap behind one in the file that claims to have
 * less than it maps means that it was taken out afterwards.
 */
static void find_removed(struct segment *v, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		uint64_t saved = v[i].meant_end - v[i].start, room = v[i].end - v[i].start, gap;

		if (v[i + 1].offset <= v[i].offset + saved || saved == room)
			continue;
		gap = v[i + 1].offset - v[i].offset;
		v[i].meant_end = v[i].start + (gap < room ? gap : room);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void warn(struct notes *notes, const char *text)
{
	array_push(&notes->warnings, text);
}

/* Overlapping segments are a lie: the later one loses, unless the other has nothing saved there. */
static size_t drop_overlaps(struct core *core, struct segment *v, size_t n, struct notes *notes)
{
	size_t kept = 0;
	bool said = false;

	for (size_t i = 0; i < n; i++) {
		if (v[i].start >= v[i].end)
			continue;
		if (kept && v[i].start < v[kept - 1].end) {
			if (!said)
				warn(notes,
				     "program headers overlap; of what they both claim the first "
				     "was taken, unless it has nothing saved there");
			said = core->bad_headers = true;
			if (v[kept - 1].meant_end > v[i].start || v[kept - 1].start == v[i].start)
				continue;
			v[kept - 1].end = v[i].start;
		}
		v[kept++] = v[i];
	}
	return kept;
}

#define PT_AARCH64_TAGS 0x70000002 /* PT_AARCH64_MEMTAG_MTE; elf.h has it from glibc 2.36 on */

/* Each mapping with tags has a header of that kind with its address (arm64 kernel/elfcore.c). */
static void mark_tagged(struct core *core, const vaddr *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t seg = first_behind(core->seg, core->nseg, end, at[i]);

		if (seg < core->nseg && core->seg[seg].start == at[i])
			core->seg[seg].flags |= SEG_TAGGED;
	}
}

static void read_notes(struct core *core, const Elf64_Phdr *ph, struct notes *notes)
{
	uint64_t have = core->file_size - ph->p_offset;

	if (have < ph->p_filesz) {
		core->truncated = true;
		core->missing += ph->p_filesz - have;
	} else {
		have = ph->p_filesz;
	}
	notes_read(core, (const uint8_t *)core->map + ph->p_offset, have, notes);
}

static bool read_headers(struct core *core, struct notes *notes, struct err *err)
{
	const struct elfclass *c = elfclass_of(core->map);
	ARRAY(struct segment) segs = { 0 };
	ARRAY(vaddr) tagged = { 0 };
	uint64_t count, room;
	Elf64_Ehdr eh;

	elfclass_ehdr(c, core->map, &eh);
	count = phdr_count(core, c, &eh);
	if (eh.e_phoff > core->file_size)
		return err_set(err,
		               "%s: truncated before its program headers (%llu bytes); take the "
		               "core again",
		               core->path, (unsigned long long)core->file_size);
	room = (core->file_size - eh.e_phoff) / c->phdr;
	if (count > room) {
		core->truncated = true;
		warn(notes, "the program headers are cut off; only what they still list is known");
		count = room;
	}
	for (uint64_t i = 0; i < count; i++) {
		struct segment s;
		Elf64_Phdr ph;

		elfclass_phdr(c, (const uint8_t *)core->map + eh.e_phoff + i * c->phdr, &ph);
		if (ph.p_type == PT_LOAD) {
			add_load(core, &ph, &s);
			array_push(&segs, s);
		} else if (ph.p_type == PT_AARCH64_TAGS && core->machine->id == MACHINE_AARCH64) {
			array_push(&tagged, ph.p_vaddr);
		} else if (ph.p_type == PT_NOTE && ph.p_offset < core->file_size) {
			read_notes(core, &ph, notes);
		}
	}
	if (!notes->gdb)
		find_removed(segs.v, segs.n);
	if (segs.n)
		qsort(segs.v, segs.n, sizeof(*segs.v), by_start);
	if (core->bad_headers)
		warn(notes,
		     "a program header does not make sense: it claims more bytes in the file than "
		     "in memory, or memory beyond the last address; what it is about is missing "
		     "or wrong");
	core->nseg = drop_overlaps(core, segs.v, segs.n, notes);
	core->seg = segs.v;
	mark_tagged(core, tagged.v, tagged.n);
	array_free(&tagged);
	if (!core->nseg)
		return err_set(err,
		               "%s: a core without memory segments; nothing can be analysed: take "
		               "it again",
		               core->path);
	return true;
}

/* ---- the file map ---- */

static int by_map_start(const void *a, const void *b)
{
	const struct filemap *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Mappings that only the file map knows: gcore leaves out what it does not save. */
static void add_absent(struct core *core)
{
	ARRAY(struct segment) all = { 0 };
	vaddr done = 0;
	size_t s = 0;

	for (size_t i = 0; i < core->nfiles; i++) {
		const struct filemap *f = &core->files[i];
		vaddr at = f->start > done ? f->start : done;

		done = f->end > done ? f->end : done;

		while (s < core->nseg && core->seg[s].end <= at)
			s++;
		for (size_t k = s; at < f->end; k++) {
			vaddr stop = k < core->nseg && core->seg[k].start < f->end
			                     ? core->seg[k].start
			                     : f->end;

			if (at < stop) {
				struct segment gap = { .start = at,
					               .end = stop,
					               .saved_end = at,
					               .meant_end = at,
					               .flags = SEG_R,
					               .absent = true };
				array_push(&all, gap);
			}
			if (stop == f->end)
				break;
			at = core->seg[k].end;
		}
	}
	if (!all.n)
		return;
	for (size_t i = 0; i < core->nseg; i++)
		array_push(&all, core->seg[i]);
	qsort(all.v, all.n, sizeof(*all.v), by_start);
	mem_free(core->seg);
	core->seg = all.v;
	core->nseg = all.n;
}

static void connect(struct core *core)
{
	for (size_t i = 0; i < core->nseg; i++) {
		struct segment *s = &core->seg[i];
		const struct filemap *f = core_file(core, s->start);

		s->file = f && !f->anonymous ? (int)(f - core->files) : -1;
	}
	for (size_t i = core->nseg; i-- > 0;) {
		struct segment *s = &core->seg[i], *next = s + 1;

		s->run_end = s->saved_end;
		if (i + 1 < core->nseg && s->saved_end == s->end && next->start == s->end &&
		    s->mem && next->mem == s->mem + (s->end - s->start))
			s->run_end = next->run_end;
	}
}

/* valgrind's coregrind/m_coredump/coredump-elf.c: notes of three kinds, in gdb's order. */
static bool by_valgrind(const struct core *core)
{
	return !core->nauxv && !core->nfiles && !core->has_siginfo && core->nthreads &&
	       !core->thread[0].wide;
}

/* ---- open and close ---- */

static void adopt_notes(struct core *core, struct notes *notes)
{
	uint64_t v;

	core->thread = notes->threads.v;
	core->nthreads = notes->threads.n;
	core->files = notes->files.v;
	core->nfiles = notes->files.n;
	core->warning = notes->warnings.v;
	core->nwarnings = notes->warnings.n;
	core->kind = !notes->gdb ? CORE_KERNEL : by_valgrind(core) ? CORE_VALGRIND : CORE_GCORE;
	if (core->nfiles)
		qsort(core->files, core->nfiles, sizeof(*core->files), by_map_start);
	core->page_size = 4096;
	if (core_auxv(core, AT_PAGESZ, &v) && v >= 4096 && v <= 65536 && !(v & (v - 1)))
		core->page_size = (unsigned)v;
	if (!core->signal && core->nthreads)
		core->signal = core->thread[0].signal;
	if (!core->pid && core->nthreads)
		core->pid = core->thread[0].tid;
}

static bool open_input(struct core *core, struct err *err)
{
	struct input in;

	if (!input_open(core->path, &in, err))
		return false;
	core->fd = in.fd;
	core->file_size = in.size;
	core->given_size = in.read;
	core->compression = in.compression;
	core->damaged = in.damaged;
	if (in.trouble[0])
		core->trouble = pool_strndup(&core->pool, in.trouble, sizeof(in.trouble));
	return true;
}

/* Bytes of core.noted. */
static uint64_t noted_size(const struct core *core)
{
	return core->file_size / core->page_size / 8 + 8;
}

/* Bytes of the file that are no holes. */
static uint64_t core_data_size(const struct core *core)
{
	uint64_t n = core->file_size;

	for (size_t i = 0; i < core->nholes; i++)
		n -= core->hole[i].end - core->hole[i].start;
	return n;
}

bool core_open(const char *path, struct core **out, struct err *err)
{
	struct core *core = mem_alloc(1, sizeof(*core));
	struct notes notes = { 0 };
	bool ok;

	core->fd = -1;
	core->path = pool_copy(&core->pool, path);
	if (!open_input(core, err))
		goto fail;
	core->map = mmap(NULL, core->file_size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, core->fd,
	                 0);
	if (core->map == MAP_FAILED) {
		core->map = NULL;
		err_set(err, "%s: cannot map the file: %s", path, strerror(errno));
		goto fail;
	}
	core->map_size = core->file_size;
	core->machine = machine_find(((const Elf64_Ehdr *)core->map)->e_machine,
	                             ((const uint8_t *)core->map)[EI_CLASS]);
	ok = read_headers(core, &notes, err);
	adopt_notes(core, &notes);
	if (!ok)
		goto fail;
	add_absent(core);
	connect(core);
	core_find_holes(core);
	core->scarce = memory_is_scarce(core_data_size(core));
	if (core->scarce) {
		/* what will be read is asked for (written.h), and nothing around it */
		madvise(core->map, core->map_size, MADV_RANDOM);
		core->noted = mem_lazy(noted_size(core));
	}
	*out = core;
	return true;
fail:
	core_close(core);
	return false;
}

void core_close(struct core *core)
{
	if (!core)
		return;
	if (core->noted)
		mem_lazy_free(core->noted, noted_size(core));
	if (core->map)
		munmap(core->map, core->map_size);
	if (core->fd >= 0)
		close(core->fd);
	mem_free(core->seg);
	mem_free(core->files);
	mem_free(core->thread);
	mem_free(core->hole);
	mem_free(core->warning);
	pool_free(&core->pool);
	mem_free(core);
}

/* ---- reading ---- */

const struct segment *core_segment(const struct core *core, vaddr at)
{
	size_t lo = first_behind(core->seg, core->nseg, end, at);

	return lo < core->nseg && core->seg[lo].start <= at ? &core->seg[lo] : NULL;
}

const uint8_t *core_bytes(const struct core *core, vaddr at, uint64_t *avail)
{
	const struct segment *s = core_segment(core, at);

	if (!s || at >= s->saved_end)
		return NULL;
	*avail = s->run_end - at;
	return s->mem + (at - s->start);
}

const uint8_t *core_at(const struct core *core, vaddr at, uint64_t len)
{
	uint64_t avail;
	const uint8_t *p = core_bytes(core, at, &avail);

	return p && avail >= len ? p : NULL;
}

bool core_read(const struct core *core, vaddr at, void *dst, uint64_t len)
{
	uint8_t *to = dst;

	while (len) {
		uint64_t avail;
		const uint8_t *p = core_bytes(core, at, &avail);

		if (!p)
			return false;
		if (avail > len)
			avail = len;
		memcpy(to, p, avail);
		to += avail;
		at += avail;
		len -= avail;
	}
	return true;
}

bool core_read64(const struct core *core, vaddr at, uint64_t *value)
{
	uint64_t avail;
	const uint8_t *p = core_bytes(core, at, &avail);

	if (!p || avail < sizeof(*value))
		return core_read(core, at, value, sizeof(*value));
	*value = load64(p);
	return true;
}

bool core_read_word(const struct core *core, vaddr at, uint64_t *value)
{
	uint32_t half;

	if (core->machine->word == 8)
		return core_read64(core, at, value);
	if (!core_read32(core, at, &half))
		return false;
	*value = half;
	return true;
}

bool core_read32(const struct core *core, vaddr at, uint32_t *value)
{
	return core_read(core, at, value, sizeof(*value));
}

bool view_move(struct view *view, vaddr at)
{
	const struct segment *s = core_segment(view->core, at);

	if (!s || at >= s->saved_end)
		return false;
	view->lo = s->start;
	view->hi = s->run_end;
	view->mem = s->mem;
	return true;
}

const struct filemap *core_file(const struct core *core, vaddr at)
{
	size_t lo = first_behind(core->files, core->nfiles, end, at);

	return lo < core->nfiles && core->files[lo].start <= at ? &core->files[lo] : NULL;
}

bool core_auxv(const struct core *core, uint64_t type, uint64_t *value)
{
	for (size_t i = 0; i < core->nauxv; i++) {
		if (core->auxv[2 * i] == type) {
			*value = core->auxv[2 * i + 1];
			return true;
		}
	}
	return false;
}
