/*
 * What is in scope at a pc is found once per pc: many threads wait in the same places.
 */
#include "formats/local.h"

#include "formats/framewalk.h"
#include "formats/typegraph_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

enum {
	FRAMES_MOST = 64,
	LOCALS_MOST = 4096, /* of a thread */
	DEPTH_MOST = 64,    /* of blocks */
	DIES_SEARCHED = 1 << 20,
};

struct walk {
	struct framewalk base;
	const struct core *core;
	struct typegraph *graph;
	struct pool *pool;
	ARRAY(struct local) list;
};

/* ---- what is in scope ---- */

struct search {
	struct typegraph *graph;
	struct pc_scope *out;
	Dwarf_Addr at;
	struct die_ref level[DEPTH_MOST];
	struct die_ref function[DEPTH_MOST]; /* that the entries of a level are of */
	size_t depth;
};

static bool covers(Dwarf_Die *die, Dwarf_Addr at)
{
	return dwarf_haspc(die, at) == 1;
}

/* Is what lies in it in scope? */
static bool visit(struct search *s, Dwarf_Die *die)
{
	struct die_ref ref = { die->addr, die->cu };
	struct pc_variable v = { ref, s->function[s->depth] };

	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
		if (s->function[s->depth].addr && s->out->variable.n < LOCALS_MOST)
			array_push(&s->out->variable, v);
		return false;
	case DW_TAG_namespace:
		return true;
	case DW_TAG_subprogram:
		if (!covers(die, s->at))
			return false;
		s->out->function = ref;
		s->function[s->depth + 1] = ref;
		return true;
	case DW_TAG_inlined_subroutine:
		s->function[s->depth + 1] = ref;
		return covers(die, s->at);
	case DW_TAG_lexical_block:
		s->function[s->depth + 1] = s->function[s->depth];
		return covers(die, s->at);
	default:
		return false;
	}
}

static void search_unit(struct search *s, Dwarf_Die *unit)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die) != 0)
		return;
	for (unsigned n = 0; n < DIES_SEARCHED && ++s->graph->dies < DIES_MOST; n++) {
		Dwarf_Die child;
		void *last = die.addr;

		if (s->depth + 2 < DEPTH_MOST && visit(s, &die) && dwarf_child(&die, &child) == 0) {
			s->level[s->depth++] = (struct die_ref){ die.addr, die.cu };
			die = child;
			continue;
		}
		while (dwarf_siblingof(&die, &die) || die.addr <= last) {
			if (!s->depth)
				return;
			die_again(&s->level[--s->depth], &die);
			last = die.addr;
			if (!s->depth && s->out->function.addr)
				return; /* the function has been gone through */
		}
	}
}

/* at: in the module's debug information. */
static const struct pc_scope *scope_at(struct typegraph *graph, struct image *image, vaddr pc,
                                       Dwarf_Addr at)
{
	uint32_t i = idmap_get(&graph->by_pc, pc);
	struct pc_scope made = { 0 };
	struct search s = { .graph = graph, .out = &made, .at = at };
	Dwarf_Die unit;

	if (i != IDMAP_NONE)
		return &graph->pc_scope.v[i];
	if (codescope_unit(image, at + graph->index[image->of - graph->modules->v].bias, &unit) &&
	    unit_whole(&unit))
		search_unit(&s, &unit);
	idmap_put(&graph->by_pc, pc, (uint32_t)graph->pc_scope.n);
	array_push(&graph->pc_scope, made);
	return &graph->pc_scope.v[graph->pc_scope.n - 1];
}

/* ---- where they are ---- */

static bool locate(Dwarf_Die *die, unsigned name, Dwarf_Addr at, const struct cfi_regs *regs,
                   const vaddr *cfa, const vaddr *base, struct cfi_memory *memory,
                   struct cfi_location *out)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	return dwarf_attr(die, name, &attr) &&
	       dwarf_getlocation_addr(&attr, at, &ops, &n, 1) == 1 &&
	       !(n && (ops[0].atom == DW_OP_addr || ops[0].atom == DW_OP_addrx)) &&
	       cfi_locate(regs, memory, cfa, base, ops, n, out);
}

static bool frame_base(Dwarf_Die *function, Dwarf_Addr at, const struct cfi_regs *regs,
                       const vaddr *cfa, struct cfi_memory *memory, vaddr *base)
{
	struct cfi_location l;

	if (!locate(function, DW_AT_frame_base, at, regs, cfa, NULL, memory, &l))
		return false;
	*base = l.in_register ? regs->v[l.value] : l.value;
	return !l.in_register || regs->known >> l.value & 1;
}

static const char *name_in(const struct die_ref *ref)
{
	Dwarf_Attribute attr;
	Dwarf_Die die;

	if (!ref->addr)
		return NULL;
	die_again(ref, &die);
	return dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_name, &attr));
}

static void take(struct walk *w, const struct pc_variable *v, size_t depth,
                 const struct cfi_regs *regs, const struct cfi_location *l)
{
	struct local local = { .frame = depth, .name = name_in(&v->die) };
	Dwarf_Die die;

	if (!local.name || w->list.n >= LOCALS_MOST)
		return;
	die_again(&v->die, &die);
	local.type = type_of_entry(w->graph, &die);
	local.size = ctype_get(w->graph, local.type)->size;
	local.function = name_in(&v->function);
	local.in_register = l->in_register;
	local.reg = l->in_register ? regs->machine->dwarf[l->value] : 0;
	local.in_memory = !l->in_register && !l->is_value;
	if (local.in_memory)
		local.at = l->value;
	else if (!l->in_register)
		local.value = l->value;
	else if (regs->known >> l->value & 1)
		local.value = regs->v[l->value];
	else
		return;
	array_push(&w->list, local);
}

static void visit_frame(struct framewalk *fw, size_t depth, const struct frame *frame,
                        const struct cfi_regs *regs, const vaddr *cfa, struct cfi_memory *memory)
{
	struct walk *w = (struct walk *)fw;
	vaddr look = frame->pc - (frame->activation ? 0 : 1), base = 0;
	const struct module *m = module_at(w->graph->modules, look);
	const struct typeindex *index = m ? &w->graph->index[m - w->graph->modules->v] : NULL;
	const struct pc_scope *scope;
	Dwarf_Addr at;
	Dwarf_Die die;
	bool has_base = false;

	if (!index || !index->has)
		return;
	at = look - m->bias - index->bias;
	scope = scope_at(w->graph, modules_image(w->graph->modules, m), look, at);
	if (scope->function.addr) {
		die_again(&scope->function, &die);
		has_base = frame_base(&die, at, regs, cfa, memory, &base);
	}
	for (size_t i = 0; i < scope->variable.n; i++) {
		struct cfi_location l;

		die_again(&scope->variable.v[i].die, &die);
		if (locate(&die, DW_AT_location, at, regs, cfa, has_base ? &base : NULL, memory,
		           &l))
			take(w, &scope->variable.v[i], depth, regs, &l);
	}
}

void thread_locals(const struct core *core, struct typegraph *graph, size_t thread,
                   struct pool *pool, struct locals *out)
{
	struct walk w = { .base.visit = visit_frame, .core = core, .graph = graph, .pool = pool };

	framewalk_thread(core, graph->modules, thread, FRAMES_MOST, &w.base, NULL);
	*out = (struct locals){ .n = w.list.n };
	out->v = pool_alloc(pool, w.list.n * sizeof(*out->v));
	if (w.list.n)
		memcpy(out->v, w.list.v, w.list.n * sizeof(*out->v));
	array_free(&w.list);
}
