#include "formats/hostfile.h"

#include "formats/debuginfod.h"
#include "formats/elfhead.h"
#include "formats/hostpath.h"

#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MOST (INT64_C(16) << 30) /* bytes */

/* What speaks against a candidate, the most telling last. */
enum verdict {
	GOOD,
	NOT_FOUND,
	NOT_READABLE,
	NO_CODE,
	NO_ID,
	OTHER_ID,
	CUT_OFF,
	TOO_LARGE,
};

static const char *const reason[] = {
	[NOT_FOUND] = "not found",
	[NOT_READABLE] = "cannot be read",
	[NO_CODE] = "only its debug information is here",
	[NO_ID] = "the file has no build-id",
	[OTHER_ID] = "build-id differs",
	[CUT_OFF] = "the file is cut off",
	[TOO_LARGE] = "the file has more than 16 GiB",
};

/* Section header i; false: it is not there. */
static bool read_section(const struct elfhead_source *file, const struct elfclass *c,
                         const Elf64_Ehdr *eh, uint64_t i, Elf64_Shdr *sh)
{
	uint8_t raw[sizeof(*sh)];

	if (eh->e_shoff > INT64_MAX || !file->read(file, eh->e_shoff + i * c->shdr, raw, c->shdr))
		return false;
	elfclass_shdr(c, raw, sh);
	return true;
}

/* A file that carries debug information only: its code was left out (SHT_NOBITS). */
static bool lacks_code(const struct elfhead_source *file)
{
	Elf64_Ehdr eh;
	const struct elfclass *c = elfhead_class(file, &eh);

	if (!c || eh.e_shentsize != c->shdr)
		return false;
	for (uint64_t i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr sh;

		if (!read_section(file, c, &eh, i, &sh))
			return false;
		if ((sh.sh_flags & SHF_ALLOC) && (sh.sh_flags & SHF_EXECINSTR))
			return sh.sh_type == SHT_NOBITS;
	}
	return false;
}

/* A debug file's program headers may point nowhere: its notes are found by its sections. */
static bool section_build_id(const struct elfhead_source *file, struct elfhead *head)
{
	Elf64_Ehdr eh;
	const struct elfclass *c = elfhead_class(file, &eh);

	if (!c || eh.e_shentsize != c->shdr)
		return false;
	for (uint64_t i = 0; i < eh.e_shnum; i++) {
		uint8_t note[16 + BUILD_ID_MAX];
		Elf64_Shdr sh;

		if (!read_section(file, c, &eh, i, &sh))
			return false;
		if (sh.sh_type != SHT_NOTE || sh.sh_size <= 16 || sh.sh_size > sizeof(note) ||
		    !file->read(file, sh.sh_offset, note, sh.sh_size))
			continue;
		if (load32(note) != 4 || load32(note + 4) > sh.sh_size - 16 || !load32(note + 4) ||
		    load32(note + 8) != NT_GNU_BUILD_ID || memcmp(note + 12, ELF_NOTE_GNU, 4))
			continue;
		head->build_id_size = load32(note + 4);
		memcpy(head->build_id, note + 16, head->build_id_size);
		return true;
	}
	return false;
}

static bool same_id(const struct elfhead *head, const struct module *module)
{
	return head->build_id_size == module->build_id_size &&
	       !memcmp(head->build_id, module->build_id, module->build_id_size);
}

/* Does the file end before its headers say? A download may, or a copy on a full disk. */
static bool cut_off(int fd, const struct elfhead_source *file, const struct elfhead *head,
                    bool debug)
{
	Elf64_Ehdr eh;
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) || !elfhead_class(file, &eh))
		return true;
	size = (uint64_t)st.st_size;
	for (size_t i = 0; i < head->nphdrs && !debug; i++)
		if (head->phdr[i].p_type == PT_LOAD &&
		    !range_holds(0, size, head->phdr[i].p_offset, head->phdr[i].p_filesz))
			return true;
	return eh.e_shoff &&
	       !range_holds(0, size, eh.e_shoff, (uint64_t)eh.e_shnum * eh.e_shentsize);
}

/* libelf would map it whole, or read it whole where that fails. */
static bool too_large(int fd)
{
	struct stat st;

	return fstat(fd, &st) || st.st_size > SIZE_MOST;
}

static int open_checked(const char *path, const struct module *module, bool debug,
                        enum verdict *verdict)
{
	struct elfhead_source file;
	struct elfhead head = { 0 };
	bool known, missing;
	int fd = hostpath_open(path, &missing);

	*verdict = fd >= 0 ? GOOD : missing ? NOT_FOUND : NOT_READABLE;
	if (fd < 0)
		return -1;
	file = elfhead_file(fd);
	known = elfhead_read(&file, &head) == ELFHEAD_OK && head.build_id_size;
	if (debug && !(known && same_id(&head, module)))
		known = section_build_id(&file, &head);
	if (!known)
		*verdict = NO_ID;
	else if (!same_id(&head, module))
		*verdict = OTHER_ID;
	else if (cut_off(fd, &file, &head, debug))
		*verdict = CUT_OFF;
	else if (too_large(fd))
		*verdict = TOO_LARGE;
	else if (!debug && lacks_code(&file))
		*verdict = NO_CODE;
	if (*verdict == GOOD)
		return fd;
	close(fd);
	return -1;
}

/* "prefix/.build-id/ab/cdef...suffix" */
static const char *id_path(struct pool *pool, const char *prefix, const struct module *module,
                           const char *suffix)
{
	char hex[2 * BUILD_ID_MAX + 1];

	for (size_t i = 0; i < module->build_id_size; i++) {
		hex[2 * i] = "0123456789abcdef"[module->build_id[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[module->build_id[i] & 15];
	}
	hex[2 * module->build_id_size] = 0;
	return pool_printf(pool, "%s/.build-id/%.2s/%s%s", prefix, hex, hex + 2, suffix);
}

/* The path without " (deleted)", which the kernel appends (fs/d_path.c). */
static const char *plain_path(struct pool *pool, const char *path)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path), m = sizeof(mark) - 1;

	if (n > m && !strcmp(path + n - m, mark))
		return pool_strndup(pool, path, n - m);
	return path;
}

/* ---- files with code ---- */

struct search {
	struct pool *pool;
	const struct module *module;
	const char *found;
	enum verdict worst;
};

static void try_file(struct search *search, const char *path)
{
	enum verdict verdict;
	int fd;

	if (search->found || !path)
		return;
	fd = open_checked(path, search->module, false, &verdict);
	if (fd >= 0) {
		close(fd);
		search->found = path;
	} else if (verdict > search->worst) {
		search->worst = verdict;
	}
}

static const char system_debug[] = "/usr/lib/debug";

/*
 * Where folders of build-ids are: in debuggers' folder, which may have links to the code too, and
 * in /usr/lib, where Fedora's packages have them.
 */
static void try_ids(struct search *s, const char *sysroot)
{
	const char *const prefix[] = { system_debug, "/usr/lib" };

	for (size_t i = 0; i < sizeof(prefix) / sizeof(*prefix); i++) {
		const char *path = id_path(s->pool, prefix[i], s->module, "");

		try_file(s, sysroot ? hostpath_in_root(s->pool, sysroot, path) : path);
	}
}

void hostfile_find(struct pool *pool, const struct module_options *where, bool exe,
                   struct module *module)
{
	struct search s = { .pool = pool, .module = module, .worst = NOT_FOUND };
	const char *path = plain_path(pool, module->path);

	module->file = NULL;
	if (!module->build_id_size) {
		module->file_missing = module->header ? "core has no build-id"
		                                      : "its ELF header is not in the core";
		return;
	}
	if (exe)
		try_file(&s, where->exe);
	if (where->sysroot)
		try_file(&s, hostpath_in_root(pool, where->sysroot, path));
	try_file(&s, path);
	if (where->debug_dir)
		try_file(&s, id_path(pool, where->debug_dir, module, ""));
	if (where->sysroot)
		try_ids(&s, where->sysroot);
	try_ids(&s, NULL);
	module->file = s.found;
	module->file_missing = s.found ? NULL : reason[s.worst];
}

const char *hostfile_refusal(const struct module *module, const char *path)
{
	enum verdict verdict;
	int fd = open_checked(path, module, false, &verdict);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? NULL : reason[verdict];
}

int hostfile_open(const struct module *module)
{
	enum verdict verdict;

	return module->file ? open_checked(module->file, module, false, &verdict) : -1;
}

/* ---- debug files ---- */

struct debug_search {
	struct pool *pool;
	const struct module *module;
	const char *sysroot, *path;
	int fd;
};

/* inside: the path is one of the sysroot's. */
static void try_debug(struct debug_search *s, const char *candidate, bool inside)
{
	enum verdict verdict;

	if (s->fd < 0 && inside)
		candidate = hostpath_in_root(s->pool, s->sysroot, candidate);
	if (s->fd >= 0 || !candidate)
		return;
	s->fd = open_checked(candidate, s->module, true, &verdict);
	if (s->fd >= 0)
		s->path = candidate;
}

static const char *folder_of(struct pool *pool, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? pool_strndup(pool, path, (size_t)(slash - path)) : ".";
}

/* Then links beside it are to be followed as a process in there would, which its path will do. */
static bool in_sysroot(const struct debug_search *s)
{
	size_t n = s->sysroot ? strlen(s->sysroot) : 0;

	return n && !strncmp(s->module->file, s->sysroot, n) && s->module->file[n] == '/';
}

/* As gdb: beside the file, in .debug beside it, in the same folder below the debug folders. */
static void try_link(struct debug_search *s, const char *debug_dir, const char *link)
{
	const char *dir = folder_of(s->pool, plain_path(s->pool, s->module->path));

	if (s->module->file && !in_sysroot(s)) {
		const char *here = folder_of(s->pool, s->module->file);

		try_debug(s, pool_printf(s->pool, "%s/%s", here, link), false);
		try_debug(s, pool_printf(s->pool, "%s/.debug/%s", here, link), false);
	}
	if (*dir != '/')
		return;
	if (s->sysroot) {
		try_debug(s, pool_printf(s->pool, "%s/%s", dir, link), true);
		try_debug(s, pool_printf(s->pool, "%s/.debug/%s", dir, link), true);
		try_debug(s, pool_printf(s->pool, "%s%s/%s", system_debug, dir, link), true);
	}
	if (debug_dir)
		try_debug(s, pool_printf(s->pool, "%s%s/%s", debug_dir, dir, link), false);
	try_debug(s, pool_printf(s->pool, "%s%s/%s", system_debug, dir, link), false);
}

int hostfile_open_debug(struct pool *pool, const struct module_options *where,
                        const struct module *module, const char *link, const char **path)
{
	struct debug_search s = {
		.pool = pool, .module = module, .sysroot = where->sysroot, .fd = -1
	};

	if (!module->build_id_size)
		return -1;
	if (where->debug_dir)
		try_debug(&s, id_path(pool, where->debug_dir, module, ".debug"), false);
	if (where->sysroot)
		try_debug(&s, id_path(pool, system_debug, module, ".debug"), true);
	try_debug(&s, id_path(pool, system_debug, module, ".debug"), false);
	if (link && *link && !strchr(link, '/') && module->path)
		try_link(&s, where->debug_dir, link);
	*path = s.path;
	return s.fd;
}

/* ---- debuginfod ---- */

int hostfile_fetch(struct pool *pool, struct debuginfod *server, const struct module *module,
                   bool debug, const char **path, const char **refused)
{
	enum verdict verdict;
	int fd;

	*refused = NULL;
	*path = debuginfod_find(server, pool, debug ? DEBUGINFOD_DEBUGINFO : DEBUGINFOD_EXECUTABLE,
	                        module->build_id, module->build_id_size);
	if (!*path)
		return -1;
	fd = open_checked(*path, module, debug, &verdict);
	if (fd < 0)
		*refused = reason[verdict];
	return fd;
}
