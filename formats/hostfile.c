#include "formats/hostfile.h"

#include "formats/debuginfod.h"
#include "formats/elfsection.h"
#include "formats/hostpath.h"

#include <sys/stat.h>
#include <unistd.h>

/* Bytes: libelf maps a file whole, or reads it whole where that fails. */
#define SIZE_MOST (INT64_C(16) << 30)

/* What speaks against a candidate, the most telling last. */
enum verdict {
	GOOD,
	NOT_FOUND,
	NOT_READABLE,
	NO_CODE,
	NOT_ELF,
	NO_ID,
	OTHER_ID,
	DAMAGED, /* by its build-id it is the file, from here on */
	CUT_OFF = DAMAGED,
	TOO_LARGE,
	BROKEN,
	SWELLS,
};

static const char *const reason[] = {
	[NOT_FOUND] = "not found",
	[NOT_READABLE] = "cannot be read",
	[NO_CODE] = "only its debug information is here",
	[NOT_ELF] = "the file is no ELF file",
	[NO_ID] = "the file has no build-id",
	[OTHER_ID] = "build-id differs",
	[CUT_OFF] = "the file is cut off",
	[TOO_LARGE] = "the file has more than 16 GiB",
	[BROKEN] = "the file's section headers are damaged",
	[SWELLS] = "the file's compressed sections claim an absurd size",
};

/* A file that carries debug information only: its code was left out (SHT_NOBITS). */
static bool lacks_code(const struct elfsections *sections)
{
	Elf64_Shdr sh;

	for (uint64_t i = 0; i < sections->n && elfsection_read(sections, i, &sh); i++)
		if ((sh.sh_flags & SHF_ALLOC) && (sh.sh_flags & SHF_EXECINSTR))
			return sh.sh_type == SHT_NOBITS;
	return false;
}

/* A debug file's program headers may point nowhere: its notes are found by its sections. */
static bool section_build_id(const struct elfsections *sections, struct elfhead *head)
{
	const struct elfhead_source *file = sections->file;
	Elf64_Shdr sh;

	for (uint64_t i = 0; i < sections->n && elfsection_read(sections, i, &sh); i++) {
		uint8_t note[16 + BUILD_ID_MAX];

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
static bool cut_off(uint64_t size, const struct elfsections *sections, const struct elfhead *head,
                    bool debug)
{
	const Elf64_Ehdr *eh = &sections->eh;

	for (size_t i = 0; i < head->nphdrs && !debug; i++)
		if (head->phdr[i].p_type == PT_LOAD &&
		    !range_holds(0, size, head->phdr[i].p_offset, head->phdr[i].p_filesz))
			return true;
	return eh->e_shoff &&
	       !range_holds(0, size, eh->e_shoff, (uint64_t)eh->e_shnum * eh->e_shentsize);
}

/* *flaw: what is wrong with a file that is used nevertheless, in words; NULL: nothing. */
static int open_checked(const char *path, const struct module *module, bool debug,
                        enum verdict *verdict, const char **flaw)
{
	struct elfhead_source file;
	struct elfsections sections;
	struct elfhead head = { 0 };
	struct stat st = { 0 };
	bool known, missing;
	uint64_t size;
	int fd = hostpath_open(path, &missing);

	*flaw = NULL;
	*verdict = fd >= 0 && !fstat(fd, &st) ? GOOD : missing ? NOT_FOUND : NOT_READABLE;
	if (fd < 0)
		return -1;
	size = (uint64_t)st.st_size;
	file = elfhead_file(fd);
	known = elfhead_read(&file, &head) == ELFHEAD_OK && head.build_id_size;
	if (!elfsections_find(&file, &sections))
		*verdict = NOT_ELF;
	else if (debug && !(known && same_id(&head, module)))
		known = section_build_id(&sections, &head);
	if (*verdict != GOOD)
		;
	else if (!known)
		*verdict = NO_ID;
	else if (!same_id(&head, module))
		*verdict = OTHER_ID;
	else if (cut_off(size, &sections, &head, debug))
		*verdict = CUT_OFF;
	else if (st.st_size > SIZE_MOST)
		*verdict = TOO_LARGE;
	else if (elfsections_swell(&sections))
		*verdict = elfsections_flaw(&sections, size) ? BROKEN : SWELLS;
	else if (!debug && lacks_code(&sections))
		*verdict = NO_CODE;
	if (*verdict == GOOD) {
		*flaw = elfsections_flaw(&sections, size);
		return fd;
	}
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
	const char *found, *flaw;
	enum verdict worst;
	const char *worst_path;
};

static void try_file(struct search *search, const char *path)
{
	enum verdict verdict;
	int fd;

	if (search->found || !path)
		return;
	fd = open_checked(path, search->module, false, &verdict, &search->flaw);
	if (fd >= 0) {
		close(fd);
		search->found = path;
	} else if (verdict > search->worst) {
		search->worst = verdict;
		search->worst_path = path;
	}
}

/* What somebody should know of a file that is damaged; NULL: nothing. */
static const char *complaint(struct pool *pool, const char *path, const char *flaw,
                             enum verdict verdict)
{
	static const char again[] = "get it again, from where the process ran or its package";

	if (flaw)
		return pool_printf(pool,
		                   "%s is damaged: %s; names, types and allocation sites that it "
		                   "should tell may be missing or wrong; %s",
		                   path, flaw, again);
	if (verdict >= DAMAGED)
		return pool_printf(pool, "%s is not used: %s; %s", path, reason[verdict], again);
	return NULL;
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

const char *hostfile_find(struct pool *pool, const struct module_options *where, bool exe,
                          struct module *module)
{
	struct search s = { .pool = pool, .module = module, .worst = NOT_FOUND };
	const char *path = plain_path(pool, module->path);

	module->file = NULL;
	if (!module->build_id_size) {
		module->file_missing = module->header ? "core has no build-id"
		                                      : "its ELF header is not in the core";
		return NULL;
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
	if (s.found)
		return complaint(pool, s.found, s.flaw, GOOD);
	return s.worst_path == where->exe ? NULL : complaint(pool, s.worst_path, NULL, s.worst);
}

const char *hostfile_refusal(const struct module *module, const char *path)
{
	const char *flaw;
	enum verdict verdict;
	int fd = open_checked(path, module, false, &verdict, &flaw);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? NULL : reason[verdict];
}

int hostfile_open(const struct module *module)
{
	const char *flaw;
	enum verdict verdict;

	return module->file ? open_checked(module->file, module, false, &verdict, &flaw) : -1;
}

/* ---- debug files ---- */

struct debug_search {
	struct pool *pool;
	const struct module *module;
	const char *sysroot, *path;
	const char *complaint;
	int fd;
};

/* inside: the path is one of the sysroot's. */
static void try_debug(struct debug_search *s, const char *candidate, bool inside)
{
	enum verdict verdict;
	const char *flaw, *said;

	if (s->fd < 0 && inside)
		candidate = hostpath_in_root(s->pool, s->sysroot, candidate);
	if (s->fd >= 0 || !candidate)
		return;
	s->fd = open_checked(candidate, s->module, true, &verdict, &flaw);
	said = complaint(s->pool, candidate, flaw, verdict);
	if (s->fd >= 0)
		s->path = candidate;
	if (said || s->fd >= 0)
		s->complaint = said;
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
                        const struct module *module, const char *link, const char **path,
                        const char **complaint)
{
	struct debug_search s = {
		.pool = pool, .module = module, .sysroot = where->sysroot, .fd = -1
	};

	*complaint = NULL;
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
	*complaint = s.complaint;
	return s.fd;
}

/* ---- debuginfod ---- */

int hostfile_fetch(struct pool *pool, struct debuginfod *server, const struct module *module,
                   bool debug, const char **path, const char **refused)
{
	const char *flaw;
	enum verdict verdict;
	int fd;

	*refused = NULL;
	*path = debuginfod_find(server, pool, debug ? DEBUGINFOD_DEBUGINFO : DEBUGINFOD_EXECUTABLE,
	                        module->build_id, module->build_id_size);
	if (!*path)
		return -1;
	fd = open_checked(*path, module, debug, &verdict, &flaw);
	if (fd < 0)
		*refused = reason[verdict];
	return fd;
}
