#include "formats/hostfile.h"

#include "formats/elfhead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What speaks against a candidate, the most telling last. */
enum verdict {
	GOOD,
	NOT_FOUND,
	NOT_READABLE,
	NO_CODE,
	NO_ID,
	OTHER_ID,
};

static const char *const reason[] = {
	[NOT_FOUND] = "not found",
	[NOT_READABLE] = "cannot be read",
	[NO_CODE] = "only its debug information is here",
	[NO_ID] = "the file has no build-id",
	[OTHER_ID] = "build-id differs",
};

/* A file that carries debug information only: its code was left out (SHT_NOBITS). */
static bool lacks_code(const struct elfhead_source *file)
{
	Elf64_Ehdr eh;

	if (!file->read(file, 0, &eh, sizeof(eh)) || eh.e_shentsize != sizeof(Elf64_Shdr))
		return false;
	for (uint64_t i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr sh;

		if (eh.e_shoff > INT64_MAX ||
		    !file->read(file, eh.e_shoff + i * sizeof(sh), &sh, sizeof(sh)))
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

	if (!file->read(file, 0, &eh, sizeof(eh)) || eh.e_shentsize != sizeof(Elf64_Shdr))
		return false;
	for (uint64_t i = 0; i < eh.e_shnum; i++) {
		uint8_t note[16 + BUILD_ID_MAX];
		Elf64_Shdr sh;

		if (eh.e_shoff > INT64_MAX ||
		    !file->read(file, eh.e_shoff + i * sizeof(sh), &sh, sizeof(sh)))
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

/* An open file, or -1 and the verdict. O_NONBLOCK: a FIFO must not hold us up. */
static int open_regular(const char *path, enum verdict *verdict)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	*verdict = GOOD;
	if (fd < 0) {
		*verdict = access(path, F_OK) ? NOT_FOUND : NOT_READABLE;
	} else if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		fd = -1;
		*verdict = NOT_READABLE;
	}
	return fd;
}

static int open_checked(const char *path, const struct module *module, bool debug,
                        enum verdict *verdict)
{
	int fd = open_regular(path, verdict);
	struct elfhead_source file;
	struct elfhead head = { 0 };
	bool known;

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

struct search {
	const struct module *module;
	const char *found;
	enum verdict worst;
};

static void try_file(struct search *search, const char *path)
{
	enum verdict verdict;
	int fd;

	if (search->found)
		return;
	fd = open_checked(path, search->module, false, &verdict);
	if (fd >= 0) {
		close(fd);
		search->found = path;
	} else if (verdict > search->worst) {
		search->worst = verdict;
	}
}

void hostfile_find(struct pool *pool, const struct module_options *where, bool exe,
                   struct module *module)
{
	struct search search = { .module = module, .worst = NOT_FOUND };
	const char *path = plain_path(pool, module->path);

	module->file = NULL;
	if (!module->build_id_size) {
		module->file_missing = module->header ? "core has no build-id"
		                                      : "its ELF header is not in the core";
		return;
	}
	if (exe && where->exe)
		try_file(&search, where->exe);
	if (where->sysroot)
		try_file(&search,
		         pool_printf(pool, "%s/%s", where->sysroot, path + (*path == '/')));
	try_file(&search, path);
	if (where->debug_dir)
		try_file(&search, id_path(pool, where->debug_dir, module, ""));
	if (where->sysroot)
		try_file(&search,
		         id_path(pool, pool_printf(pool, "%s/usr/lib/debug", where->sysroot),
		                 module, ""));
	try_file(&search, id_path(pool, "/usr/lib/debug", module, ""));
	module->file = search.found;
	module->file_missing = search.found ? NULL : reason[search.worst];
}

int hostfile_open(const struct module *module)
{
	enum verdict verdict;

	return module->file ? open_checked(module->file, module, false, &verdict) : -1;
}

static int try_debug(const struct module *module, const char *candidate, const char **path)
{
	enum verdict verdict;
	int fd = open_checked(candidate, module, true, &verdict);

	if (fd >= 0)
		*path = candidate;
	return fd;
}

/* As gdb: beside the file, in .debug beside it, in the same folder below the debug folder. */
static int try_link(struct pool *pool, const char *debug_dir, const struct module *module,
                    const char *link, const char **path)
{
	const char *slash = strrchr(module->file, '/');
	const char *dir = slash ? pool_strndup(pool, module->file, (size_t)(slash - module->file))
	                        : ".";
	int fd;

	fd = try_debug(module, pool_printf(pool, "%s/%s", dir, link), path);
	if (fd < 0)
		fd = try_debug(module, pool_printf(pool, "%s/.debug/%s", dir, link), path);
	if (fd < 0 && *dir == '/')
		fd = try_debug(module, pool_printf(pool, "%s%s/%s", debug_dir, dir, link), path);
	return fd;
}

int hostfile_open_debug(struct pool *pool, const struct module_options *where,
                        const struct module *module, const char *link, const char **path)
{
	const char *root[3], *system = "/usr/lib/debug";
	size_t n = 0;
	int fd = -1;

	if (!module->build_id_size)
		return -1;
	if (where->debug_dir)
		root[n++] = where->debug_dir;
	if (where->sysroot)
		root[n++] = pool_printf(pool, "%s%s", where->sysroot, system);
	root[n++] = system;
	for (size_t i = 0; i < n && fd < 0; i++)
		fd = try_debug(module, id_path(pool, root[i], module, ".debug"), path);
	if (!link || !*link || strchr(link, '/') || !module->file)
		return fd;
	for (size_t i = 0; i < n && fd < 0; i++)
		fd = try_link(pool, root[i], module, link, path);
	return fd;
}
