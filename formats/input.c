#include "formats/input.h"
#include "formats/decompress.h"
#include "formats/elfclass.h"
#include "formats/machine.h"
#include "formats/stage.h"
#include "formats/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t bound;     /* of what is unpacked */
static bool stdin_is_used; /* it can be read only once */

void input_bound(uint64_t bytes)
{
	bound = bytes;
}

/* ---- is it a core? ---- */

static bool elf_refused(const char *path, const uint8_t *head, struct err *err)
{
	const struct elfclass *c = elfclass_of(head);
	Elf64_Ehdr eh;

	if (!c)
		return err_set(
			err,
			"%s: a big-endian or unknown ELF file; this version reads x86-64, i386 and "
			"aarch64 cores only",
			path);
	elfclass_ehdr(c, head, &eh);
	if (eh.e_type == ET_EXEC || eh.e_type == ET_DYN)
		return err_set(
			err,
			"%s: an ELF executable or library, not a core; give the core file that "
			"its process left (see `coreheap help` for how to get one)",
			path);
	if (eh.e_type != ET_CORE)
		return err_set(err, "%s: an ELF file of type %u, not a core (type 4)", path,
		               (unsigned)eh.e_type);
	if (!machine_find(eh.e_machine, c->ident))
		return err_set(
			err,
			"%s: a %u-bit core of ELF machine %u; this version reads x86-64 (62) "
			"and aarch64 (183), 64-bit, and i386 (3) only",
			path, c->ident == ELFCLASS64 ? 64u : 32u, (unsigned)eh.e_machine);
	if (eh.e_phentsize != c->phdr || !eh.e_phoff)
		return err_set(
			err,
			"%s: a core without usable program headers; its header is damaged, take "
			"the core again",
			path);
	return true;
}

/* What is compressed in a way that is not read here, by the documented magic numbers. */
static const char *foreign_packer(const uint8_t *head, size_t n)
{
	static const struct {
		const char *unpack, *magic;
		size_t len;
	} known[] = {
		{ "bzip2 -dc", "BZh", 3 },
		{ "lzip -dc", "LZIP", 4 },
		{ "lzop -dc", "\x89LZO", 4 },
		{ "lz4 -dc", "\x02\x21\x4c\x18", 4 }, /* lz4's legacy format */
		{ "unzip -p", "PK\x03\x04", 4 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (n >= known[i].len && !memcmp(head, known[i].magic, known[i].len))
			return known[i].unpack;
	}
	return NULL;
}

static bool is_core(const char *name, const uint8_t *head, size_t n, struct err *err)
{
	const char *unpack = foreign_packer(head, n);

	if (unpack)
		return err_set(err,
		               "%s: compressed in a way that is not read here; unpack it into a "
		               "pipe: %s FILE | coreheap summary -",
		               name, unpack);
	if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return err_set(
			err,
			"%s: not a core file (no ELF header); give a file that the kernel or gcore "
			"wrote",
			name);
	if (n < sizeof(Elf64_Ehdr))
		return err_set(err,
		               "%s: an ELF file cut off within its header (%zu bytes); take the "
		               "core again",
		               name, n);
	return elf_refused(name, head, err);
}

/* ---- unpacking ---- */

struct unpack {
	const char *name;
	enum packing packing;
	struct store store;
	struct err *err;
};

static bool nested(const struct unpack *u, enum packing inner)
{
	return err_set(u->err,
	               "%s: %s within %s, and one level is unpacked here; take off the outer one: "
	               "%s -dc FILE | coreheap summary -",
	               u->name, packing_name(inner), packing_name(u->packing),
	               packing_name(u->packing));
}

/* The first piece has the core's header in it, or is all there is. */
static bool take(void *unpack, const uint8_t *bytes, size_t n)
{
	struct unpack *u = unpack;
	struct err why;

	if (!u->store.size) {
		enum packing inner = packing_of(bytes, n < SOURCE_AHEAD ? n : SOURCE_AHEAD);

		if (inner != PACKING_NONE && u->packing != PACKING_NONE)
			return nested(u, inner);
		if (!is_core(u->name, bytes, n, u->err))
			return false;
	}
	return store_write(&u->store, bytes, n, &why) ||
	       err_set(u->err, "%s: %s", u->name, why.msg);
}

#define MIB(bytes) ((double)(bytes) / (1 << 20))

/* Why not all came out of the stream, what that means and what to do about it. */
static void describe(struct input *in, enum stream_end end, const char *why)
{
	const char *name = in->compression;
	const double read = MIB(in->read), out = MIB(in->size);
	char *to = in->trouble;
	const size_t size = sizeof(in->trouble);

	switch (end) {
	case STREAM_WHOLE:
	case STREAM_STOPPED:
		return;
	case STREAM_CUT:
		snprintf(to, size,
		         "its %s stream is cut off after %.2f MiB; the %.2f MiB that came out of "
		         "it are analysed",
		         name, read, out);
		break;
	case STREAM_UNREAD:
		snprintf(to, size,
		         "it cannot be read beyond %.2f MiB: %s; the %.2f MiB of core up to there "
		         "are analysed",
		         read, why, out);
		break;
	case STREAM_FOLLOWED:
		snprintf(to, size,
		         "its %s stream is followed, after %.2f MiB, by something else; the %.2f "
		         "MiB that came out of it are analysed",
		         name, read, out);
		break;
	case STREAM_DAMAGED:
		snprintf(to, size,
		         "its %s stream is damaged before %.2f MiB (%s); the %.2f MiB that came "
		         "out of it are analysed, some of it may be wrong, so leak verdicts are "
		         "withheld",
		         name, read, why, out);
		break;
	}
	in->damaged = end == STREAM_DAMAGED;
}

static bool nothing_usable(const struct unpack *u, const struct input *in, struct err *err)
{
	if (in->trouble[0])
		return err_set(err, "%s: nothing came out of it: %s; take or copy it again",
		               u->name, in->trouble);
	return err_set(err, "%s: %s; take or copy the core again", u->name,
	               u->packing == PACKING_NONE ? "nothing came through standard input"
	                                          : "there is nothing in it");
}

/* What is ahead in a file; 0 in a pipe: nobody knows. */
static uint64_t bytes_ahead(const struct source *source)
{
	struct stat st;

	return !fstat(source->fd, &st) && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* Streams what is ahead into a store. */
static bool unpack(const char *name, enum packing packing, struct source *source, struct input *in,
                   struct err *err)
{
	struct unpack u = { .name = name, .packing = packing, .err = err };
	const char *why = NULL;
	struct stage outer;
	enum stream_end end;
	struct err failed;
	bool ok;

	if (!store_open(&u.store, bound, &failed))
		return err_set(err, "%s: %s", name, failed.msg);
	outer = stage_bytes(packing == PACKING_NONE ? "copying" : "unpacking", bytes_ahead(source));
	end = decompress(packing, source, take, &u, &why);
	stage_end(outer);
	*in = (struct input){ .fd = -1,
		              .size = u.store.size,
		              .read = source->taken,
		              .compression = packing_name(packing) };
	describe(in, end, why);
	ok = end != STREAM_STOPPED; /* else err says why */
	if (ok && !in->size)
		ok = nothing_usable(&u, in, err);
	if (ok && !store_finish(&u.store, &in->fd, &failed))
		ok = err_set(err, "%s: %s", name, failed.msg);
	store_close(&u.store);
	return ok;
}

/* ---- opening ---- */

/* Sets *fd, also where it fails after opening. */
static bool open_file(const char *path, int *fd, struct err *err)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return true;
	return err_set(
		err, "%s: cannot open: %s%s", path, strerror(errno),
		errno == EACCES   ? " (kernel cores are readable by their owner only; try as that "
				    "user or root)"
		: errno == ENOENT ? " (see `cat /proc/sys/kernel/core_pattern` for where cores go; "
				    "`coredumpctl list` where it starts with |)"
				  : "");
}

static bool open_stdin(int *fd, struct err *err)
{
	if (stdin_is_used)
		return err_set(err, "standard input can be read only once; give the other core as "
		                    "a file");
	stdin_is_used = true;
	if (isatty(STDIN_FILENO))
		return err_set(err, "standard input is a terminal; send a core through a pipe: "
		                    "zstd -dc CORE.zst | coreheap summary -");
	*fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return *fd >= 0 || err_set(err, "standard input: cannot be read: %s", strerror(errno));
}

struct copy {
	struct store store;
	struct err *err;
};

static bool keep(void *copy, const uint8_t *bytes, size_t n)
{
	struct copy *c = copy;

	return store_write(&c->store, bytes, n, c->err);
}

/* All that is left of it, as it is. */
static bool copy_stdin(int from, struct err *err)
{
	struct copy c = { .err = err };
	enum stream_end end;
	struct source source;
	const char *why = NULL;
	bool ok;
	int fd;

	if (!store_open(&c.store, bound, err))
		return false;
	source_open(&source, from);
	end = decompress(PACKING_NONE, &source, keep, &c, &why);
	source_close(&source);
	ok = end == STREAM_WHOLE;
	if (end == STREAM_UNREAD)
		err_set(err, "cannot be read: %s", why);
	if (ok && store_finish(&c.store, &fd, err)) {
		ok = dup2(fd, STDIN_FILENO) >= 0 ||
		     err_set(err, "cannot be kept: %s", strerror(errno));
		close(fd);
	} else {
		ok = false;
	}
	store_close(&c.store);
	return ok;
}

bool input_peek_stdin(int *fd, struct err *err)
{
	struct stat st;
	struct err why;

	if (!open_stdin(fd, err))
		return false;
	stdin_is_used = false;
	if (!fstat(*fd, &st) && S_ISREG(st.st_mode) && lseek(*fd, 0, SEEK_CUR) == 0)
		return true;
	if (!copy_stdin(*fd, &why)) {
		close(*fd);
		return err_set(err, "standard input: %s", why.msg);
	}
	close(*fd);
	*fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (*fd < 0 || lseek(*fd, 0, SEEK_SET))
		return err_set(err, "standard input: cannot be read: %s", strerror(errno));
	return true;
}

void input_use_stdin(void)
{
	stdin_is_used = true;
}

static bool check_kind(const char *name, const struct stat *st, bool from_stdin, struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return err_set(err, "%s: a directory; give one core file", name);
	if (!S_ISREG(st->st_mode) && !from_stdin)
		return err_set(err,
		               "%s: not a regular file; copy the core into one, or give it on "
		               "standard input: coreheap summary - <FILE",
		               name);
	if (S_ISREG(st->st_mode) && st->st_size == 0)
		return err_set(err,
		               "%s: the file is empty; a full disk or a limit (ulimit -c) may have "
		               "prevented the dump",
		               name);
	return true;
}

/* Of the file that is open as in->fd; leaves in->fd at what holds the core. */
static bool read_input(const char *name, bool from_stdin, struct input *in, struct err *err)
{
	int fd = in->fd;
	struct source source;
	enum packing packing;
	const uint8_t *head;
	struct stat st;
	bool ok, whole; /* a file that stands at its start: it need not be copied */
	size_t n;

	if (fstat(fd, &st))
		return err_set(err, "%s: cannot stat: %s", name, strerror(errno));
	if (!check_kind(name, &st, from_stdin, err))
		return false;
	whole = S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0;
	source_open(&source, fd);
	head = source_want(&source, SOURCE_AHEAD, &n);
	packing = packing_of(head, n);
	if (!n && source.error) {
		ok = err_set(err, "%s: cannot read: %s", name, strerror(source.error));
	} else if (whole && packing == PACKING_NONE) {
		in->size = in->read = (uint64_t)st.st_size;
		in->compression = packing_name(packing);
		ok = is_core(name, head, n, err);
	} else {
		in->fd = -1;
		ok = unpack(name, packing, &source, in, err);
		close(fd);
	}
	source_close(&source);
	return ok;
}

bool input_open(const char *path, struct input *input, struct err *err)
{
	bool from_stdin = !strcmp(path, "-");
	struct input in = { .fd = -1 };

	if (!(from_stdin ? open_stdin(&in.fd, err) : open_file(path, &in.fd, err)))
		return false;
	if (!read_input(from_stdin ? "standard input" : path, from_stdin, &in, err)) {
		if (in.fd >= 0)
			close(in.fd);
		return false;
	}
	*input = in;
	return true;
}
