/*
 * Debug information is as hostile as a core: every walk is bounded by steps, and goes forwards in
 * the file.
 */
#include "formats/codescope.h"

#include "formats/idmap.h"
#include "formats/image.h"
#include "formats/typegraph_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

enum {
	DEPTH_MOST = 64,          /* of namespaces, and of functions in functions */
	UNIT_STEPS = 1 << 22,     /* entries of a unit that are looked at */
	FUNCTION_STEPS = 1 << 16, /* the same of a function, for one address */
	RANGES_MOST = 4096,       /* of one entry */
};

/* Code from lo up to hi, as the debug information has addresses. */
struct extent {
	uint64_t lo, hi;
	struct die_ref die;
};

typedef ARRAY(struct extent) extents;

struct codescope {
	extents unit; /* by lo */
	bool units_read;
	struct idmap by_unit;    /* the address of a unit's entry: where in function[] */
	ARRAY(extents) function; /* of a unit, by lo */
};

void die_again(const struct die_ref *ref, void *die)
{
	*(Dwarf_Die *)die = (Dwarf_Die){ .addr = ref->addr, .cu = ref->cu };
}

static struct codescope *scope_of_image(struct image *image)
{
	if (!image->scope)
		image->scope = mem_alloc(1, sizeof(*image->scope));
	return image->scope;
}

void codescope_free(struct codescope *scope)
{
	if (!scope)
		return;
	for (size_t i = 0; i < scope->function.n; i++)
		array_free(&scope->function.v[i]);
	array_free(&scope->function);
	array_free(&scope->unit);
	idmap_free(&scope->by_unit);
	mem_free(scope);
}

static void add_code(extents *list, Dwarf_Die *die)
{
	struct extent e = { .die = { die->addr, die->cu } };
	Dwarf_Addr base;
	ptrdiff_t next = 0;

	for (unsigned i = 0; i < RANGES_MOST; i++) {
		next = dwarf_ranges(die, next, &base, &e.lo, &e.hi);
		if (next <= 0)
			return;
		if (e.lo < e.hi)
			array_push(list, e);
	}
}

static int by_lo(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi < y->hi ? -1 : x->hi > y->hi;
}

static void sort(extents *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_lo);
}

static const struct extent *find(const extents *list, uint64_t at)
{
	size_t i = first_behind(list->v, list->n, lo, at);

	return i && at < list->v[i - 1].hi ? &list->v[i - 1] : NULL;
}

/* ---- units ---- */

/* Where the file has no .debug_aranges (clang), or some units have none. */
static void read_units(struct codescope *scope, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;

	scope->units_read = true;
	while (!dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL))
		add_code(&scope->unit, &unit);
	sort(&scope->unit);
}

static bool unit_at(struct image *image, Dwarf *dwarf, Dwarf_Addr at, Dwarf_Die *unit)
{
	struct codescope *scope = scope_of_image(image);
	const struct extent *e;

	if (dwarf_addrdie(dwarf, at, unit))
		return true;
	if (!scope->units_read)
		read_units(scope, dwarf);
	e = find(&scope->unit, at);
	if (e)
		die_again(&e->die, unit);
	return e != NULL;
}

bool codescope_unit(struct image *image, uint64_t at, void *unit)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = image_debug(image, &bias);

	return dwarf && unit_at(image, dwarf, at - bias, unit);
}

/* ---- functions ---- */

/* Are there functions in it? */
static bool visit(extents *list, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		add_code(list, die);
		return true;
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	default:
		return false;
	}
}

static void read_functions(extents *list, Dwarf_Die *unit)
{
	struct die_ref level[DEPTH_MOST];
	size_t depth = 0;
	Dwarf_Die die;

	if (dwarf_child(unit, &die))
		return;
	for (unsigned i = 0; i < UNIT_STEPS; i++) {
		void *last = die.addr;
		Dwarf_Die child;

		if (visit(list, &die) && depth < DEPTH_MOST && !dwarf_child(&die, &child)) {
			level[depth++] = (struct die_ref){ die.addr, die.cu };
			die = child;
			continue;
		}
		while (dwarf_siblingof(&die, &die) || die.addr <= last) {
			if (!depth)
				return;
			die_again(&level[--depth], &die);
			last = die.addr;
		}
	}
}

static const extents *functions_of(struct codescope *scope, Dwarf_Die *unit)
{
	uint64_t key = (uint64_t)(uintptr_t)unit->addr;
	uint32_t i = idmap_get(&scope->by_unit, key);
	extents list = { 0 };

	if (i != IDMAP_NONE)
		return &scope->function.v[i];
	if (unit_whole(unit))
		read_functions(&list, unit);
	sort(&list);
	idmap_put(&scope->by_unit, key, (uint32_t)scope->function.n);
	array_push(&scope->function, list);
	return &scope->function.v[scope->function.n - 1];
}

static bool is_block(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
	       tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

/* The block or inlined function right below an entry that covers at goes to *die. */
static bool enter(Dwarf_Die *die, Dwarf_Addr at, unsigned *steps)
{
	Dwarf_Die child;
	void *last;

	if (dwarf_child(die, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);

		last = child.addr;
		if ((is_block(tag) || tag == DW_TAG_inlined_subroutine) &&
		    dwarf_haspc(&child, at) == 1) {
			*die = child;
			return true;
		}
	} while (++*steps < FUNCTION_STEPS && !dwarf_siblingof(&child, &child) &&
	         child.addr > last);
	return false;
}

size_t codescope_functions(struct image *image, uint64_t at, struct die_ref *out, size_t most)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = image_debug(image, &bias);
	const struct extent *function;
	unsigned steps = 0;
	Dwarf_Die die;
	size_t n = 0;

	at -= bias;
	if (!dwarf || !most || !unit_at(image, dwarf, at, &die))
		return 0;
	function = find(functions_of(image->scope, &die), at);
	if (!function)
		return 0;
	out[n++] = function->die;
	die_again(&function->die, &die);
	while (n < most && enter(&die, at, &steps))
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			out[n++] = (struct die_ref){ die.addr, die.cu };
	for (size_t i = 0; i < n / 2; i++) {
		struct die_ref outer = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = outer;
	}
	return n;
}
