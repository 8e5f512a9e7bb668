#include "formats/unwind.h"

#include "formats/framewalk.h"

/* Memory as the tables need it: the core's, then read-only parts of checked files. */
struct memory {
	struct cfi_memory base;
	const struct core *core;
	struct modules *modules;
};

static bool read_word(struct cfi_memory *base, vaddr at, uint64_t *value)
{
	struct memory *memory = (struct memory *)base;
	unsigned word = memory->core->machine->word;

	uint8_t raw[8];

	if (core_read_word(memory->core, at, value))
		return true;
	if (module_read(memory->core, memory->modules, at, raw, word)) {
		*value = load_word(raw, word);
		return true;
	}
	base->missed = at;
	return false;
}

struct walk {
	const struct core *core;
	struct modules *modules;
	struct memory memory;
	struct cfi_regs regs;
	bool activation; /* of the frame that regs belong to */
	bool trampoline; /* of the frame that was left last */
	vaddr cfa;       /* of the frame that was left last; 0: not known */
	const char *why;
};

static void first_regs(const struct core *core, const struct thread *t, struct cfi_regs *regs)
{
	const struct machine *m = core->machine;

	regs->machine = m;
	for (size_t i = 0; i < m->ndwarf; i++)
		regs->v[i] = t->regs[m->dwarf[i]];
	regs->known = (UINT64_C(1) << m->ndwarf) - 1;
}

static uint64_t *pc_of(struct walk *w)
{
	return &w->regs.v[w->core->machine->dwarf_pc];
}

static uint64_t *sp_of(struct walk *w)
{
	return &w->regs.v[w->core->machine->dwarf_sp];
}

static const char *no_table(struct walk *w, const struct module *m, vaddr pc)
{
	struct pool *pool = &w->modules->pool;

	if (!w->core->nfiles)
		return "no unwind information: the core has no map of files (NT_FILE)";
	if (!m)
		return pool_printf(pool, "no unwind information for 0x%llx, which is in no file",
		                   (unsigned long long)pc);
	if (m->file || !m->file_missing)
		return pool_printf(pool, "no unwind information in %s for 0x%llx", m->path,
		                   (unsigned long long)pc);
	return pool_printf(pool, "no unwind information for %s (%s)", m->path, m->file_missing);
}

static bool executable(const struct core *core, vaddr pc)
{
	const struct segment *s = core_segment(core, pc);

	return s && ((s->flags & SEG_X) || s->absent);
}

/*
 * A call through a bad pointer: nothing ran at pc yet, so the return address is where the call left
 * it: on the stack or in the link register. It is taken only where it leads into a known file.
 */
static bool step_over_call(struct walk *w)
{
	const struct machine *m = w->core->machine;
	bool pushed = m->dwarf_link == MACHINE_NO_REG;
	vaddr sp = *sp_of(w), ra;

	if (!pushed)
		ra = w->regs.v[m->dwarf_link];
	else if (!core_read_word(w->core, sp, &ra))
		return false;
	if (!module_at(w->modules, ra) || !executable(w->core, ra))
		return false;
	*sp_of(w) = pushed ? sp + m->word : sp;
	*pc_of(w) = ra;
	w->activation = false;
	return true;
}

/* Where the kernel's trampoline is known by its code: the frame that the signal interrupted. */
static bool step_over_signal(struct walk *w)
{
	const struct machine *m = w->core->machine;
	vaddr pc = *pc_of(w), at = *sp_of(w) + m->sigreturn_regs;
	const uint8_t *code = core_at(w->core, pc, m->sigreturn_size);
	struct thread t = { .tid = 0 };

	if (!m->sigreturn || !code || memcmp(code, m->sigreturn, m->sigreturn_size) ||
	    !core_read(w->core, at, t.regs, m->nsaved * sizeof(*t.regs)))
		return false;
	first_regs(w->core, &t, &w->regs);
	w->activation = w->trampoline = true;
	return true;
}

/* Is this no progress? A function that keeps its return address in a register has no frame. */
static bool stuck(const struct walk *w, vaddr before, bool was_activation)
{
	const struct machine *m = w->core->machine;
	vaddr sp = w->regs.v[m->dwarf_sp];

	return sp < before ||
	       (sp == before && !(m->dwarf_link != MACHINE_NO_REG && was_activation));
}

/* From the frame in w to its caller; false: it ends here, w->why says why or is NULL. */
static bool step(struct walk *w, size_t depth)
{
	vaddr pc = *pc_of(w), sp = *sp_of(w), cfa = 0;
	vaddr look = pc - (w->activation ? 0 : 1);
	const struct module *m = module_at(w->modules, look);
	enum cfi_result result = CFI_NONE;
	struct image *image;
	bool signal = false;

	if (depth == 0 && !executable(w->core, pc) && step_over_call(w))
		return true;
	if (step_over_signal(w))
		return true;
	if (m) {
		image = modules_image(w->modules, m);
	} else {
		image = modules_vdso(w->core, w->modules, &m);
		if (look < m->start || look >= m->end)
			m = NULL;
	}
	if (m && image)
		result = cfi_step(image, m->bias, look, &w->regs, &w->memory.base, &cfa, &signal);
	w->cfa = result == CFI_STEP || result == CFI_LAST ? cfa : 0;
	w->why = NULL;
	w->trampoline = result == CFI_STEP && signal;
	switch (result) {
	case CFI_LAST:
		return false;
	case CFI_NONE:
		w->why = no_table(w, m, pc);
		return false;
	case CFI_UNREAD:
		w->why = pool_printf(&w->modules->pool,
		                     "the stack at 0x%llx is not saved in the core",
		                     (unsigned long long)w->memory.base.missed);
		return false;
	case CFI_BAD:
		w->why = pool_printf(&w->modules->pool,
		                     "the unwind information for 0x%llx cannot be followed",
		                     (unsigned long long)pc);
		return false;
	case CFI_STEP:
		break;
	}
	if (!signal && stuck(w, sp, w->activation))
		w->why = "the stack pointer does not advance: the stack is damaged or was switched";
	else if (!*pc_of(w))
		w->why = "the return address is 0";
	w->activation = signal;
	return !w->why;
}

size_t framewalk_thread(const struct core *core, struct modules *modules, size_t thread, size_t max,
                        struct framewalk *fw, const char **why)
{
	struct walk w = { .core = core,
		          .modules = modules,
		          .activation = true,
		          .memory = {
				  .base.read_word = read_word, .core = core, .modules = modules } };
	bool more = true;
	size_t n;

	first_regs(core, &core->thread[thread], &w.regs);
	for (n = 0; more && n < max; n++) {
		struct frame frame = { .pc = *pc_of(&w), .activation = w.activation };
		struct cfi_regs regs = w.regs;

		w.trampoline = false;
		w.cfa = 0;
		more = step(&w, n);
		frame.trampoline = w.trampoline;
		fw->visit(fw, n, &frame, &regs, w.cfa ? &w.cfa : NULL, &w.memory.base);
	}
	if (more)
		w.why = "there are more frames";
	if (why)
		*why = w.why;
	return n;
}

/* ---- frames alone ---- */

struct collect {
	struct framewalk base;
	struct frame *frames;
};

static void collect(struct framewalk *fw, size_t depth, const struct frame *frame,
                    const struct cfi_regs *regs, const vaddr *cfa, struct cfi_memory *memory)
{
	(void)regs, (void)cfa, (void)memory;
	((struct collect *)fw)->frames[depth] = *frame;
}

size_t unwind_thread(const struct core *core, struct modules *modules, size_t thread,
                     struct frame *frames, size_t max, const char **why)
{
	struct collect c = { .base.visit = collect, .frames = frames };

	return framewalk_thread(core, modules, thread, max, &c.base, why);
}
