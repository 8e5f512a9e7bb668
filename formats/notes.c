#include "formats/notes.h"

#include <elf.h>
#include <stdio.h>

enum {
	NOTE_GDB_TDESC = (int)0xff000000, /* gdb's target description: bfd elf.c NT_GDB_TDESC */
	PRSTATUS_CURSIG = 12,             /* struct elf_prstatus of 64-bit machines */
	PRSTATUS_PID = 32,
	PRSTATUS_REGS = 112,
	PRPSINFO_PID = 24, /* struct elf_prpsinfo, likewise */
	PRPSINFO_FNAME = 40,
	PRPSINFO_ARGS = 56,
	PRPSINFO_SIZE = 136,
};

/* One note, its descriptor in bounds. */
struct note {
	uint32_t type;
	bool linux_owner; /* owner "LINUX", else "CORE" */
	const uint8_t *desc;
	uint32_t size;
};

static void warn(struct core *core, struct notes *out, const char *text)
{
	(void)core;
	array_push(&out->warnings, text);
}

static void read_prstatus(struct core *core, const struct note *n, struct notes *out)
{
	struct thread t = { 0 };

	if (n->size < PRSTATUS_REGS + core->machine->nsaved * 8u) {
		warn(core, out, "a thread's NT_PRSTATUS note is too short; the thread is left out");
		return;
	}
	t.signal = (int16_t)load16(n->desc + PRSTATUS_CURSIG);
	t.tid = (int)load32(n->desc + PRSTATUS_PID);
	for (size_t i = 0; i < core->machine->nsaved; i++)
		t.regs[i] = load64(n->desc + PRSTATUS_REGS + 8 * i);
	array_push(&out->threads, t);
}

static void read_prpsinfo(struct core *core, const struct note *n)
{
	if (n->size < PRPSINFO_SIZE)
		return;
	core->pid = (int)load32(n->desc + PRPSINFO_PID);
	memcpy(core->comm, n->desc + PRPSINFO_FNAME, 16);
	memcpy(core->args, n->desc + PRPSINFO_ARGS, 80);
}

static void read_siginfo(struct core *core, const struct note *n)
{
	if (n->size < 24 || core->has_siginfo)
		return;
	core->has_siginfo = true;
	core->signal = (int)load32(n->desc);
	core->signal_code = load32(n->desc + 8);
	core->fault_addr = load64(n->desc + 16);
}

static void read_auxv(struct core *core, const struct note *n)
{
	size_t pairs = n->size / 16;

	if (core->auxv)
		return;
	core->auxv = pool_alloc(&core->pool, pairs * 16);
	memcpy(core->auxv, n->desc, pairs * 16);
	core->nauxv = pairs;
}

/* Names that the kernel gives to memory that no file on disk backs: mm/shmem.c, ipc/shm.c,
 * mm/hugetlb.c. */
static bool name_of_memory(const char *path)
{
	static const char *const prefix[] = { "/anon_hugepage", "/dev/zero", "/memfd:", "/SYSV" };

	for (size_t i = 0; i < sizeof(prefix) / sizeof(*prefix); i++)
		if (!strncmp(path, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

/* count, page size, count * { start, end, offset in pages }, count names: fs/binfmt_elf.c
 * fill_files_note. */
static void read_files(struct core *core, const struct note *n, struct notes *out)
{
	const uint8_t *end = n->desc + n->size;
	const char *name;
	uint64_t count, unit;

	if (n->size < 16 || out->files.n)
		return;
	count = load64(n->desc);
	unit = load64(n->desc + 8);
	if (count > (n->size - 16) / 25) {
		warn(core, out, "the NT_FILE note (file map) is damaged and was ignored");
		return;
	}
	if (unit == 1)
		out->gdb = true;
	name = (const char *)n->desc + 16 + 24 * count;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *e = n->desc + 16 + 24 * i;
		size_t left = (size_t)((const char *)end - name), len = strnlen(name, left);
		struct filemap f = { .start = load64(e), .end = load64(e + 8) };

		if (len == left) {
			warn(core, out, "the NT_FILE note (file map) ends early");
			return;
		}
		if (__builtin_mul_overflow(load64(e + 16), unit, &f.offset))
			f.offset = UINT64_MAX;
		f.path = pool_strndup(&core->pool, name, len);
		f.anonymous = name_of_memory(f.path);
		name += len + 1;
		if (f.start < f.end)
			array_push(&out->files, f);
	}
}

static void read_core_note(struct core *core, const struct note *n, struct notes *out)
{
	struct thread *t = out->threads.n ? &out->threads.v[out->threads.n - 1] : NULL;

	switch (n->type) {
	case NT_PRSTATUS:
		read_prstatus(core, n, out);
		break;
	case NT_PRPSINFO:
		if (!out->threads.n)
			out->gdb = true; /* the kernel writes the first thread before it */
		read_prpsinfo(core, n);
		break;
	case NT_SIGINFO:
		read_siginfo(core, n);
		break;
	case NT_AUXV:
		read_auxv(core, n);
		break;
	case NT_FILE:
		read_files(core, n, out);
		break;
	case NT_FPREGSET:
		if (t && !t->fpregs) {
			t->fpregs = n->desc;
			t->fpregs_size = n->size;
		}
		break;
	default:
		break;
	}
}

static void read_note(struct core *core, const struct note *n, struct notes *out)
{
	struct thread *t = out->threads.n ? &out->threads.v[out->threads.n - 1] : NULL;

	if (n->type == (uint32_t)NOTE_GDB_TDESC) {
		out->gdb = true;
	} else if (!n->linux_owner) {
		read_core_note(core, n, out);
	} else if (t && n->type == core->machine->wide_note && !t->wide) {
		t->wide = n->desc;
		t->wide_size = n->size;
	} else if (t && n->type == core->machine->tp_note && n->size >= 8) {
		t->regs[core->machine->tp] = load64(n->desc); /* of NT_ARM_TLS: tpidr, tpidr2 */
	}
}

void notes_read(struct core *core, const uint8_t *data, uint64_t size, struct notes *out)
{
	uint64_t at = 0;

	while (size - at >= 12) {
		uint32_t namesz = load32(data + at), descsz = load32(data + at + 4);
		struct note n = { .type = load32(data + at + 8), .size = descsz };
		uint64_t name = at + 12, desc, next;

		if (namesz > size - name) {
			warn(core, out, "a note's name runs past the end of the notes");
			return;
		}
		desc = name + round_up(namesz, 4);
		if (desc > size || descsz > size - desc) {
			warn(core, out, "a note runs past the end of the notes");
			return;
		}
		n.desc = data + desc;
		next = desc + round_up(descsz, 4);
		n.linux_owner = namesz >= 5 && !memcmp(data + name, "LINUX", 5);
		if (n.linux_owner || (namesz >= 3 && (!memcmp(data + name, "CORE", 4) ||
		                                      !memcmp(data + name, "GDB", 3))))
			read_note(core, &n, out);
		if (next > size)
			return;
		at = next;
	}
}
