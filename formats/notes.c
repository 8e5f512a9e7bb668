#include "formats/notes.h"

#include <elf.h>
#include <stdio.h>

enum {
	NOTE_GDB_TDESC = (int)0xff000000, /* gdb's target description: bfd elf.c NT_GDB_TDESC */
	USER_DESC = 16,                   /* struct user_desc: entry_number, base_addr, ... */
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
	const struct machine *m = core->machine;
	struct thread t = { 0 };

	if (n->size < m->notes.regs + (unsigned)m->nsaved * m->word) {
		warn(core, out, "a thread's NT_PRSTATUS note is too short; the thread is left out");
		return;
	}
	t.signal = (int16_t)load16(n->desc + m->notes.cursig);
	t.tid = (int)load32(n->desc + m->notes.tid);
	for (size_t i = 0; i < m->nsaved; i++)
		t.regs[i] = load_word(n->desc + m->notes.regs + m->word * i, m->word);
	array_push(&out->threads, t);
}

static void read_prpsinfo(struct core *core, const struct note *n)
{
	const struct machine_notes *at = &core->machine->notes;

	if (n->size < at->psize)
		return;
	core->pid = (int)load32(n->desc + at->pid);
	memcpy(core->comm, n->desc + at->fname, 16);
	memcpy(core->args, n->desc + at->psargs, 80);
}

static void read_siginfo(struct core *core, const struct note *n)
{
	if (n->size < 24 || core->has_siginfo)
		return;
	core->has_siginfo = true;
	core->signal = (int)load32(n->desc);
	core->signal_code = load32(n->desc + 8);
	core->fault_addr = load_word(n->desc + core->machine->notes.address, core->machine->word);
}

static void read_auxv(struct core *core, const struct note *n)
{
	unsigned word = core->machine->word;
	size_t pairs = n->size / (2 * word);

	if (core->auxv)
		return;
	core->auxv = pool_alloc(&core->pool, pairs * 2 * sizeof(*core->auxv));
	for (size_t i = 0; i < 2 * pairs; i++)
		core->auxv[i] = load_word(n->desc + word * i, word);
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
	unsigned word = core->machine->word, line = 3 * word;
	const uint8_t *end = n->desc + n->size;
	const char *name;
	uint64_t count, unit;

	if (n->size < 2 * word || out->files.n)
		return;
	count = load_word(n->desc, word);
	unit = load_word(n->desc + word, word);
	if (count > (n->size - 2 * word) / (line + 1)) {
		warn(core, out, "the NT_FILE note (file map) is damaged and was ignored");
		return;
	}
	if (unit == 1)
		out->gdb = true;
	name = (const char *)n->desc + 2 * word + line * count;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *e = n->desc + 2 * word + line * i;
		size_t left = (size_t)((const char *)end - name), len = strnlen(name, left);
		struct filemap f = { .start = load_word(e, word),
			             .end = load_word(e + word, word) };

		if (len == left) {
			warn(core, out, "the NT_FILE note (file map) ends early");
			return;
		}
		if (__builtin_mul_overflow(load_word(e + 2 * word, word), unit, &f.offset))
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
		if (t && !t->fpregs && !core->machine->fx_note) {
			t->fpregs = n->desc;
			t->fpregs_size = n->size;
		}
		break;
	default:
		break;
	}
}

/*
 * The base of the descriptor that the selector in a segment register means: index in its upper 13
 * bits (Intel SDM vol. 3, 3.4.2), as entry_number has it (Linux arch/x86/kernel/tls.c
 * regset_tls_get).
 */
static uint64_t descriptor_base(const struct note *n, uint64_t selector)
{
	for (uint32_t at = 0; n->size - at >= USER_DESC; at += USER_DESC)
		if (load32(n->desc + at) == selector >> 3)
			return load32(n->desc + at + 4);
	return 0;
}

static void read_thread_pointer(const struct machine *m, const struct note *n, struct thread *t)
{
	if (m->tp_kind == TP_DESCRIPTORS)
		t->regs[m->tp] = descriptor_base(n, t->regs[m->tp_selector]);
	else if (n->size >= m->word)
		t->regs[m->tp] = load_word(n->desc, m->word); /* of NT_ARM_TLS: tpidr, tpidr2 */
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
	} else if (t && n->type == core->machine->tp_note) {
		read_thread_pointer(core->machine, n, t);
	} else if (t && core->machine->fx_note && n->type == core->machine->fx_note) {
		t->fpregs = n->desc;
		t->fpregs_size = n->size;
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
