#include "formats/unwind.h"

#include "formats/cfi.h"

/* Memory as the tables need it: the core's, then read-only parts of checked files. */
struct memory {
	struct cfi_memory base;
	const struct core *core;
	struct modules *modules;
};

static bool read64(struct cfi_memory *base, vaddr at, uint64_t *value)
{
	struct memory *memory = (struct memory *)base;

	if (core_read64(memory->core, at, value) ||
	    module_read(memory->core, memory->modules, at, value, sizeof(*value)))
		return true;
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
	const char *why;
};

/* In the order of the x86-64 psABI, figure 3.36. */
static void first_regs(const struct thread *t, struct cfi_regs *regs)
{
	static const enum reg_index order[CFI_REGS] = { USER_RAX, USER_RDX, USER_RCX, USER_RBX,
		                                        USER_RSI, USER_RDI, USER_RBP, USER_RSP,
		                                        USER_R8,  USER_R9,  USER_R10, USER_R11,
		                                        USER_R12, USER_R13, USER_R14, USER_R15,
		                                        USER_RIP };

	for (size_t i = 0; i < CFI_REGS; i++)
		regs->v[i] = t->regs[order[i]];
	regs->known = (1u << CFI_REGS) - 1;
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
 * A call through a bad pointer: nothing ran at pc yet, so the return address is what the call
 * pushed. It is taken only where it leads into a known file.
 */
static bool step_over_call(struct walk *w)
{
	vaddr sp = w->regs.v[CFI_RSP], ra;

	if (!core_read64(w->core, sp, &ra) || !module_at(w->modules, ra) ||
	    !executable(w->core, ra))
		return false;
	w->regs.v[CFI_RSP] = sp + 8;
	w->regs.v[CFI_PC] = ra;
	w->activation = false;
	return true;
}

/* From the frame in w to its caller; false: it ends here, w->why says why or is NULL. */
static bool step(struct walk *w, size_t depth)
{
	vaddr pc = w->regs.v[CFI_PC], sp = w->regs.v[CFI_RSP], cfa = 0;
	vaddr look = pc - (w->activation ? 0 : 1);
	const struct module *m = module_at(w->modules, look);
	enum cfi_result result = CFI_NONE;
	struct image *image;
	bool signal = false;

	if (depth == 0 && !executable(w->core, pc) && step_over_call(w))
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
	if (!signal && w->regs.v[CFI_RSP] <= sp)
		w->why = "the stack pointer does not advance: the stack is damaged or was switched";
	else if (!w->regs.v[CFI_PC])
		w->why = "the return address is 0";
	w->activation = signal;
	return !w->why;
}

size_t unwind_thread(const struct core *core, struct modules *modules, size_t thread,
                     struct frame *frames, size_t max, const char **why)
{
	struct walk w = { .core = core,
		          .modules = modules,
		          .activation = true,
		          .memory = { .base.read64 = read64, .core = core, .modules = modules } };
	bool more = true;
	size_t n;

	first_regs(&core->thread[thread], &w.regs);
	for (n = 0; more && n < max; n++) {
		frames[n] = (struct frame){ .pc = w.regs.v[CFI_PC], .activation = w.activation };
		w.trampoline = false;
		more = step(&w, n);
		frames[n].trampoline = w.trampoline;
	}
	if (more)
		w.why = "there are more frames";
	if (why)
		*why = w.why;
	return n;
}
