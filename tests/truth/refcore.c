/*
 * refcore: reads the program headers and the notes of a core.
 *
 * Notes: NT_PRSTATUS opens a thread in kernel cores and in gdb's; NT_FPREGSET and NT_X86_XSTATE
 * that follow belong to it. struct elf_prstatus: pid at 32, 27 registers at 112; on i386 pid at 24,
 * 17 registers at 72, and the thread pointer is the base that NT_386_TLS has for the selector in
 * gs. XSAVE area: 512 bytes FXSAVE (xmm0-15 at 160), header at 512 (xstate_bv), then components: 2,
 * the upper halves of ymm0-15, at 576; 6 and 7, upper halves of zmm0-15 and zmm16-31, at offsets
 * which the processor chooses: 1152 and 1664 with Intel's layout, 896 and 1408 with AMD's (no MPX
 * before them). NT_X86_XSAVE_LAYOUT (0x205) tells them; without it the size does.
 */
#define _GNU_SOURCE
#include "refcore.h"

#include <elf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_XSTATE       0x202
#define NOTE_XSAVE_LAYOUT 0x205

_Noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("refmark: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(3);
}

void *grab(size_t n, size_t size)
{
	void *got = calloc(n + 1, size);

	if (got == NULL)
		die("out of memory");
	return got;
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t get_word(const struct core *core, const uint8_t *at)
{
	return core->width == 8 ? get64(at) : get32(at);
}

static void add_words(const struct core *core, struct lwp *t, const uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i + core->width <= bytes && t->words < 512; i += core->width)
		t->word[t->words++] = get_word(core, at + i);
}

static void add_xstate(const struct core *core, struct lwp *t, const uint8_t *d, size_t size,
                       const uint32_t *layout)
{
	size_t of = core->width == 8 ? 1 : 2; /* i386 has half the registers */
	uint64_t have;
	size_t zmm_low = size >= 2688 ? 1152 : 896, zmm_high = size >= 2688 ? 1664 : 1408;

	if (size < 576)
		return;
	have = get64(d + 512);
	if (layout[6] != 0)
		zmm_low = layout[6];
	if (layout[7] != 0)
		zmm_high = layout[7];
	if ((have & 2) != 0)
		add_words(core, t, d + 160, 256 / of);
	if ((have & 4) != 0 && size >= 576 + 256)
		add_words(core, t, d + 576, 256 / of);
	if ((have & 64) != 0 && size >= zmm_low + 512)
		add_words(core, t, d + zmm_low, 512 / of);
	if (of == 1 && (have & 128) != 0 && size >= zmm_high + 1024)
		add_words(core, t, d + zmm_high, 1024);
}

static void read_files(struct core *core, const uint8_t *d, size_t size)
{
	uint64_t n, i;
	const char *name, *end = (const char *)d + size;

	size_t w = core->width;

	if (size < 2 * w)
		return;
	n = get_word(core, d);
	if (n > (size - 2 * w) / (3 * w))
		die("NT_FILE is cut");
	core->file = grab(n, sizeof(*core->file));
	name = (const char *)d + 2 * w + 3 * w * n;
	for (i = 0; i < n && name < end; i++) {
		const uint8_t *line = d + 2 * w + 3 * w * i;

		core->file[i] = (struct file_line){ get_word(core, line), get_word(core, line + w),
			                            name };
		name += strnlen(name, (size_t)(end - name)) + 1;
	}
	core->files = (int)i;
}

struct note {
	uint32_t type;
	size_t size;
	const uint8_t *bytes;
};

/* Steps over one note; false at the end. */
static bool next_note(const uint8_t **at, const uint8_t *end, struct note *n)
{
	size_t name, size;

	if (end - *at < 12)
		return false;
	name = (get32(*at) + 3u) & ~3u;
	size = get32(*at + 4);
	n->type = get32(*at + 8);
	n->size = size;
	n->bytes = *at + 12 + name;
	size = (size + 3) & ~(size_t)3;
	if ((size_t)(end - *at) < 12 + name + size)
		return false;
	*at += 12 + name + size;
	return true;
}

static void read_layout(const struct note *n, uint32_t *layout)
{
	for (size_t i = 0; i + 16 <= n->size; i += 16) {
		uint32_t type = get32(n->bytes + i);

		if (type < 32)
			layout[type] = get32(n->bytes + i + 8);
	}
}

/* The layout note may stand behind the areas that it describes: two passes. */
static void read_notes(struct core *core, const uint8_t *at, const uint8_t *end)
{
	uint32_t layout[32] = { 0 };
	const uint8_t *begin = at;
	struct note n;
	int threads = 0;

	while (next_note(&at, end, &n)) {
		threads += n.type == NT_PRSTATUS;
		if (n.type == NOTE_XSAVE_LAYOUT)
			read_layout(&n, layout);
	}
	core->lwp = grab((size_t)(core->lwps + threads), sizeof(*core->lwp));
	for (at = begin; next_note(&at, end, &n);) {
		struct lwp *t = core->lwps > 0 ? &core->lwp[core->lwps - 1] : NULL;

		if (n.type == NT_PRSTATUS && core->width == 4 && n.size >= 72 + 17 * 4) {
			t = &core->lwp[core->lwps++];
			t->tid = get32(n.bytes + 24);
			t->sp = get32(n.bytes + 72 + 15 * 4);
			t->gs = get32(n.bytes + 72 + 10 * 4);
			add_words(core, t, n.bytes + 72, 17 * 4);
		} else if (n.type == NT_386_TLS && core->width == 4 && t != NULL) {
			for (size_t i = 0; i + 16 <= n.size; i += 16)
				if (get32(n.bytes + i) == t->gs >> 3)
					t->fs_base = get32(n.bytes + i + 4);
		} else if (n.type == NT_PRSTATUS && n.size >= 112 + 27 * 8) {
			t = &core->lwp[core->lwps++];
			t->tid = get32(n.bytes + 32);
			t->sp = get64(n.bytes + 112 + 19 * 8);
			t->fs_base = get64(n.bytes + 112 + 21 * 8);
			add_words(core, t, n.bytes + 112, 27 * 8);
		} else if (n.type == NT_FPREGSET && core->width == 8 && t != NULL &&
		           n.size >= 160 + 256) {
			add_words(core, t, n.bytes + 160, 256);
		} else if (n.type == NOTE_XSTATE && t != NULL) {
			add_xstate(core, t, n.bytes, n.size, layout);
		} else if (n.type == NT_FILE) {
			read_files(core, n.bytes, n.size);
		}
	}
}

static int by_start(const void *a, const void *b)
{
	const struct load *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* ELF's class of 32 bits: as much of it as a core has. */
static void read_half(struct core *core, const uint8_t *file, uint64_t size, const char *path)
{
	Elf32_Ehdr eh;

	memcpy(&eh, file, sizeof(eh));
	core->load = grab(eh.e_phnum, sizeof(*core->load));
	for (uint64_t i = 0; i < eh.e_phnum; i++) {
		Elf32_Phdr ph;

		memcpy(&ph, file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_filesz != 0 && (uint64_t)ph.p_offset + ph.p_filesz > size)
			die("%s: the file is cut", path);
		if (ph.p_type == PT_NOTE)
			read_notes(core, file + ph.p_offset, file + ph.p_offset + ph.p_filesz);
		if (ph.p_type == PT_LOAD)
			core->load[core->loads++] = (struct load){
				ph.p_vaddr, (uint64_t)ph.p_vaddr + ph.p_filesz,
				(uint64_t)ph.p_vaddr + ph.p_memsz, file + ph.p_offset, ph.p_flags
			};
	}
	qsort(core->load, (size_t)core->loads, sizeof(*core->load), by_start);
}

void core_read_file(struct core *core, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const uint8_t *file;
	Elf64_Ehdr eh;
	uint64_t phnum;

	if (fd < 0 || fstat(fd, &st) != 0)
		die("%s: cannot be opened", path);
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED || (size_t)st.st_size < sizeof(eh))
		die("%s: cannot be mapped", path);
	close(fd);
	memcpy(&eh, file, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_type != ET_CORE)
		die("%s: no ELF core", path);
	memset(core, 0, sizeof(*core));
	core->width = eh.e_ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
	if (core->width == 4) {
		read_half(core, file, (uint64_t)st.st_size, path);
		return;
	}
	phnum = eh.e_phnum;
	if (phnum == PN_XNUM) {
		Elf64_Shdr sh;

		memcpy(&sh, file + eh.e_shoff, sizeof(sh));
		phnum = sh.sh_info;
	}
	core->load = grab(phnum, sizeof(*core->load));
	for (uint64_t i = 0; i < phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_filesz != 0 && ph.p_offset + ph.p_filesz > (uint64_t)st.st_size)
			die("%s: the file is cut", path);
		if (ph.p_type == PT_NOTE)
			read_notes(core, file + ph.p_offset, file + ph.p_offset + ph.p_filesz);
		if (ph.p_type == PT_LOAD)
			core->load[core->loads++] = (struct load){
				ph.p_vaddr,
				ph.p_vaddr + ph.p_filesz,
				ph.p_vaddr + ph.p_memsz,
				file + ph.p_offset,
				ph.p_flags,
			};
	}
	qsort(core->load, (size_t)core->loads, sizeof(*core->load), by_start);
}

const struct load *core_load(const struct core *core, uint64_t address)
{
	int lo = 0, hi = core->loads;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (core->load[mid].end <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < core->loads && core->load[lo].start <= address ? &core->load[lo] : NULL;
}

struct load core_run(const struct core *core, uint64_t address)
{
	const struct load *first = core_load(core, address), *last = first, *end;

	if (first == NULL)
		return (struct load){ 0 };
	end = core->load + core->loads;
	while (first > core->load && first[-1].end == first->start &&
	       first[-1].flags == last->flags)
		first--;
	while (last + 1 < end && last[1].start == last->end && last[1].flags == first->flags)
		last++;
	return (struct load){ .start = first->start, .end = last->end };
}

static const uint8_t *bytes_at(const struct core *core, uint64_t address, unsigned n)
{
	const struct load *l = core_load(core, address);

	return l == NULL || address + n > l->saved_end ? NULL : l->bytes + (address - l->start);
}

bool core_word(const struct core *core, uint64_t address, uint64_t *word)
{
	const uint8_t *p = bytes_at(core, address, core->width);

	if (p != NULL)
		*word = get_word(core, p);
	return p != NULL;
}

bool core_word64(const struct core *core, uint64_t address, uint64_t *word)
{
	const uint8_t *p = bytes_at(core, address, 8);

	if (p != NULL)
		*word = get64(p);
	return p != NULL;
}

uint64_t core_must(const struct core *core, uint64_t address)
{
	uint64_t word;

	if (!core_word(core, address, &word))
		die("the core does not have %#lx", address);
	return word;
}

uint64_t core_must64(const struct core *core, uint64_t address)
{
	uint64_t word;

	if (!core_word64(core, address, &word))
		die("the core does not have %#lx", address);
	return word;
}

const char *core_path(const struct core *core, uint64_t address)
{
	for (int i = 0; i < core->files; i++)
		if (core->file[i].start <= address && address < core->file[i].end)
			return core->file[i].path;
	return "";
}
