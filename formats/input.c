#include "formats/input.h"
#include "formats/machine.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *compression(const uint8_t *head, size_t n)
{
	static const struct {
		const char *name, magic[7];
		size_t len;
	} known[] = {
		{ "zstd", "\x28\xb5\x2f\xfd", 4 },
		{ "lz4", "\x04\x22\x4d\x18", 4 },
		{ "xz",
		  "\xfd"
		  "7zXZ",
		  6 },
		{ "gzip", "\x1f\x8b", 2 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (n >= known[i].len && !memcmp(head, known[i].magic, known[i].len))
			return known[i].name;
	return NULL;
}

static bool elf_refused(const char *path, const uint8_t *head, struct err *err)
{
	const Elf64_Ehdr *eh = (const void *)head;

	if (head[EI_CLASS] != ELFCLASS64 || head[EI_DATA] != ELFDATA2LSB)
		return err_set(err,
		               "%s: a 32-bit or big-endian ELF file; this version reads 64-bit "
		               "x86-64 and aarch64 cores only",
		               path);
	if (eh->e_type == ET_EXEC || eh->e_type == ET_DYN)
		return err_set(
			err,
			"%s: an ELF executable or library, not a core; give the core file that "
			"its process left (see `coreheap help` for how to get one)",
			path);
	if (eh->e_type != ET_CORE)
		return err_set(err, "%s: an ELF file of type %u, not a core (type 4)", path,
		               (unsigned)eh->e_type);
	if (!machine_find(eh->e_machine))
		return err_set(err,
		               "%s: a core of ELF machine %u; this version reads x86-64 (62) and "
		               "aarch64 (183) only",
		               path, (unsigned)eh->e_machine);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phoff)
		return err_set(
			err,
			"%s: a core without usable program headers; its header is damaged, take "
			"the core again",
			path);
	return true;
}

static bool is_core(const char *path, const uint8_t *head, size_t n, struct err *err)
{
	const char *packed = compression(head, n);

	if (packed)
		return err_set(
			err,
			"%s: %s-compressed; unpack it first (zstd -d, lz4 -d, xz -d, gunzip) and "
			"give the result",
			path, packed);
	if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return err_set(
			err,
			"%s: not a core file (no ELF header); give a file that the kernel or gcore "
			"wrote",
			path);
	if (n < sizeof(Elf64_Ehdr))
		return err_set(err,
		               "%s: an ELF file cut off within its header (%zu bytes); take the "
		               "core again",
		               path, n);
	return elf_refused(path, head, err);
}

static bool open_regular(const char *path, int *fd, uint64_t *size, struct err *err)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return err_set(
			err, "%s: cannot open: %s%s", path, strerror(errno),
			errno == EACCES
				? " (kernel cores are readable by their owner only; try as that "
				  "user or root)"
			: errno == ENOENT
				? " (see `cat /proc/sys/kernel/core_pattern` for where cores go; "
				  "`coredumpctl list` where it starts with |)"
				: "");
	if (fstat(*fd, &st))
		return err_set(err, "%s: cannot stat: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, "%s: a directory; give one core file", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s: not a regular file; copy the core into one first", path);
	if (st.st_size == 0)
		return err_set(err,
		               "%s: the file is empty; a full disk or a limit (ulimit -c) may have "
		               "prevented the dump",
		               path);
	*size = (uint64_t)st.st_size;
	return true;
}

bool input_open(const char *path, int *fd, uint64_t *size, struct err *err)
{
	uint8_t head[sizeof(Elf64_Ehdr)];
	ssize_t n;

	if (!open_regular(path, fd, size, err))
		return false;
	n = pread(*fd, head, sizeof(head), 0);
	if (n < 0)
		return err_set(err, "%s: cannot read: %s", path, strerror(errno));
	return is_core(path, head, (size_t)n, err);
}
