/*
 * A type is made in two steps, so that no chain of references is ever followed deeper than one
 * step: first its kind, name and size, which its entry tells; then, when it is asked for, members
 * and what it points to, which makes types of the first step.
 */
#include "formats/typegraph_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

static bool has(Dwarf_Die *die, unsigned name)
{
	return dwarf_hasattr(die, name) != 0;
}

static uint64_t number(Dwarf_Die *die, unsigned name, uint64_t otherwise)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_attr(die, name, &attr) && !dwarf_formudata(&attr, &value) ? value : otherwise;
}

static bool flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	bool value;

	return dwarf_attr(die, name, &attr) && !dwarf_formflag(&attr, &value) && value;
}

static bool follow(Dwarf_Die *die, unsigned name, Dwarf_Die *to)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, to) &&
	       dwarf_tag(to) != DW_TAG_invalid;
}

static bool looks_through(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type ||
	       tag == DW_TAG_immutable_type || tag == DW_TAG_packed_type ||
	       tag == DW_TAG_shared_type;
}

static enum ctype_kind kind_of(int tag)
{
	switch (tag) {
	case DW_TAG_base_type:
		return CTYPE_BASE;
	case DW_TAG_enumeration_type:
		return CTYPE_ENUM;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return CTYPE_POINTER;
	case DW_TAG_subroutine_type:
		return CTYPE_FUNCTION;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return CTYPE_RECORD;
	case DW_TAG_union_type:
		return CTYPE_UNION;
	case DW_TAG_array_type:
		return CTYPE_ARRAY;
	default:
		return CTYPE_OTHER;
	}
}

static enum ctype_encoding encoding_of(Dwarf_Die *die)
{
	switch (number(die, DW_AT_encoding, 0)) {
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
	case DW_ATE_ASCII:
	case DW_ATE_UCS:
		return ENCODING_CHAR;
	case DW_ATE_boolean:
		return ENCODING_BOOL;
	case DW_ATE_float:
	case DW_ATE_complex_float:
	case DW_ATE_decimal_float:
		return ENCODING_FLOAT;
	default:
		return ENCODING_NUMBER;
	}
}

static bool named_kind(enum ctype_kind kind)
{
	return kind == CTYPE_RECORD || kind == CTYPE_UNION || kind == CTYPE_ENUM ||
	       kind == CTYPE_BASE;
}

static uint64_t what_hash(const char *name, uint64_t size, uint32_t line, uint32_t column,
                          enum ctype_kind kind)
{
	uint64_t h = name_hash(name, strlen(name));

	h = (h ^ size) * UINT64_C(0x100000001b3);
	h = (h ^ line) * UINT64_C(0x100000001b3);
	h = (h ^ column) * UINT64_C(0x100000001b3);
	return (h ^ (uint64_t)kind) * UINT64_C(0x100000001b3);
}

/*
 * The same type in another unit: same kind, name, size and place of its declaration within the
 * source. Anonymous scopes are not told apart.
 * Rust tells no place, and has types of one name and size in several scopes (each HashMap holds
 * another one): there, the scope belongs to the name.
 */
static uint32_t same_type(struct typegraph *graph, uint64_t hash, const struct node *want)
{
	uint32_t id = idmap_get(&graph->by_what, hash);
	const struct node *have = id == UINT32_MAX ? NULL : graph->node.v[id];

	return have && have->type.kind == want->type.kind && have->type.size == want->type.size &&
	                       have->line == want->line && have->column == want->column &&
	                       have->known_by && !strcmp(have->known_by, want->known_by)
	               ? id
	               : CTYPE_NONE;
}

/* What is declared here and defined elsewhere. */
static bool find_definition(struct typegraph *graph, Dwarf_Die *die, uint32_t *id)
{
	const char *plain = dwarf_diename(die);
	Dwarf_Die unit;

	if (number(die, DW_AT_byte_size, 0))
		return false;
	*id = CTYPE_NONE;
	if (follow(die, DW_AT_signature, &unit) && !has(&unit, DW_AT_signature)) {
		*id = type_of_die(graph, &unit);
		return true;
	}
	if (plain && flag(die, DW_AT_declaration))
		*id = definition_of(graph, plain, qualified(graph, scope_of(graph, die), plain));
	return *id != CTYPE_NONE;
}

static uint32_t make(struct typegraph *graph, Dwarf_Die *die, const char *alias)
{
	struct node want = { .die = { die->addr, die->cu },
		             .type = { .of = CTYPE_NONE, .argument = CTYPE_NONE } },
		    *node;
	const char *name = dwarf_diename(die);
	uint64_t hash = 0;
	uint32_t id;

	want.type.kind = kind_of(dwarf_tag(die));
	want.type.size = number(die, DW_AT_byte_size, 0);
	if (want.type.kind == CTYPE_RECORD || want.type.kind == CTYPE_UNION) {
		if (find_definition(graph, die, &id))
			return id;
		want.type.declared = flag(die, DW_AT_declaration);
		if (want.type.declared)
			want.type.kind = CTYPE_OTHER;
	}
	if (want.type.kind == CTYPE_BASE)
		want.type.encoding = encoding_of(die);
	if (want.type.kind == CTYPE_POINTER && !want.type.size)
		want.type.size = 8;
	want.line = (uint32_t)number(die, DW_AT_decl_line, 0);
	want.column = (uint32_t)number(die, DW_AT_decl_column, 0);
	want.plain = name ? name : alias;
	if (want.plain && strlen(want.plain) > NAME_MOST)
		want.plain = NULL;
	if (want.plain && named_kind(want.type.kind)) {
		want.known_by = want.line ? want.plain
		                          : qualified(graph, scope_of(graph, die), want.plain);
		hash = what_hash(want.known_by, want.type.size, want.line, want.column,
		                 want.type.kind);
		id = same_type(graph, hash, &want);
		if (id != CTYPE_NONE)
			return id;
	}
	if (want.plain)
		want.type.name = name ? qualified(graph, scope_of(graph, die), name) : alias;
	node = node_new(graph, &id);
	if (!node)
		return CTYPE_NONE;
	*node = want;
	if (hash && idmap_get(&graph->by_what, hash) == UINT32_MAX)
		idmap_put(&graph->by_what, hash, id);
	return id;
}

uint32_t type_of_die(struct typegraph *graph, void *entry)
{
	Dwarf_Die *die = entry, at = *die, next;
	const char *alias = NULL;
	uint32_t id;

	for (int i = 0; looks_through(dwarf_tag(&at)); i++) {
		if (dwarf_tag(&at) == DW_TAG_typedef && !alias)
			alias = dwarf_diename(&at);
		if (i == CHAIN_MOST || !follow(&at, DW_AT_type, &next))
			return CTYPE_NONE;
		at = next;
	}
	if (dwarf_tag(&at) == DW_TAG_unspecified_type || dwarf_tag(&at) == DW_TAG_invalid)
		return CTYPE_NONE;
	id = idmap_get(&graph->by_die, (uint64_t)(uintptr_t)at.addr);
	if (id != UINT32_MAX)
		return id;
	id = make(graph, &at, alias);
	if (id != CTYPE_NONE)
		idmap_put(&graph->by_die, (uint64_t)(uintptr_t)at.addr, id);
	return id;
}

uint32_t type_of_entry(struct typegraph *graph, void *entry)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_formref_die(dwarf_attr_integrate(entry, DW_AT_type, &attr), &type))
		return CTYPE_NONE;
	return type_of_die(graph, &type);
}

/* ---- members and elements ---- */

/* Where a member begins; false: not at a constant offset (virtual bases, static members). */
static bool place(Dwarf_Die *die, bool in_union, struct cmember *m)
{
	uint64_t bits = number(die, DW_AT_data_bit_offset, UINT64_MAX);

	m->bits = (uint32_t)number(die, DW_AT_bit_size, 0);
	m->offset = number(die, DW_AT_data_member_location, UINT64_MAX);
	if (flag(die, DW_AT_declaration))
		return false;
	if (m->offset == UINT64_MAX && bits != UINT64_MAX) {
		m->offset = bits / 8;
		return true;
	}
	if (m->offset == UINT64_MAX && in_union && !has(die, DW_AT_data_member_location))
		m->offset = 0;
	return m->offset != UINT64_MAX;
}

static bool is_vptr(const char *name)
{
	return name && !strncmp(name, "_vptr", 5) && (name[5] == '.' || name[5] == '$');
}

/*
 * Room for a T that is made and destroyed by hand: what nodes of libstdc++'s containers hold. Its
 * member is an array of bytes; the T is its template's argument.
 */
static bool is_storage(const struct node *node)
{
	return node->plain && (!strncmp(node->plain, "__aligned_membuf<", 17) ||
	                       !strncmp(node->plain, "__aligned_buffer<", 17));
}

/*
 * Rust's Option and its like: of the variants one has a part that is as big as all, so that the
 * others are told by values that this cannot have (a pointer that is NULL). What it has is there,
 * or zero.
 */
static bool variant(struct typegraph *graph, Dwarf_Die *part, uint64_t size, struct cmember *m)
{
	unsigned found = 0;
	Dwarf_Die die, member;
	void *last = NULL;

	if (!size || dwarf_child(part, &die) != 0)
		return false;
	do {
		struct cmember one = { .type = CTYPE_NONE };
		const struct ctype *t;

		if (die.addr <= last || ++graph->dies > DIES_MOST)
			break;
		last = die.addr;
		if (dwarf_tag(&die) != DW_TAG_variant || dwarf_child(&die, &member) != 0 ||
		    dwarf_tag(&member) != DW_TAG_member || !place(&member, false, &one))
			continue;
		one.type = type_of_entry(graph, &member);
		t = ctype_get(graph, one.type);
		if (t->kind != CTYPE_RECORD || !t->nmembers)
			continue;
		found++;
		one.name = dwarf_diename(&member);
		*m = one;
		if (t->nmembers != 1 || ctype_get(graph, t->member[0].type)->size != size)
			return false;
	} while (!dwarf_siblingof(&die, &die));
	return found == 1;
}

static bool load_storage(struct typegraph *graph, struct node *node, Dwarf_Die *record)
{
	struct cmember held = { .type = CTYPE_NONE, .base = true };
	Dwarf_Die die;
	void *last = NULL;

	if (dwarf_child(record, &die) != 0)
		return false;
	do {
		if (die.addr <= last || ++graph->dies > DIES_MOST)
			return false;
		last = die.addr;
		if (dwarf_tag(&die) == DW_TAG_template_type_parameter)
			held.type = type_of_entry(graph, &die);
	} while (held.type == CTYPE_NONE && !dwarf_siblingof(&die, &die));
	if (held.type == CTYPE_NONE)
		return false;
	node->type.member = pool_alloc(&graph->pool, sizeof(held));
	node->type.member[0] = held;
	node->type.nmembers = 1;
	return true;
}

static void load_members(struct typegraph *graph, struct node *node, Dwarf_Die *record)
{
	ARRAY(struct cmember) list = { 0 };
	Dwarf_Die die;
	void *last = NULL;

	if (dwarf_child(record, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		struct cmember m = { .type = CTYPE_NONE };

		if (die.addr <= last || ++graph->dies > DIES_MOST)
			break;
		last = die.addr;
		if (tag == DW_TAG_template_type_parameter && node->type.argument == CTYPE_NONE)
			node->type.argument = type_of_entry(graph, &die);
		if (tag == DW_TAG_variant_part && variant(graph, &die, node->type.size, &m)) {
			array_push(&list, m);
			continue;
		}
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    !place(&die, node->type.kind == CTYPE_UNION, &m))
			continue;
		m.base = tag == DW_TAG_inheritance;
		m.name = m.base ? NULL : dwarf_diename(&die);
		m.type = type_of_entry(graph, &die);
		m.vptr = is_vptr(m.name);
		array_push(&list, m);
	} while (list.n < MEMBERS_MOST && !dwarf_siblingof(&die, &die));
	node->type.nmembers = list.n;
	node->type.member = pool_alloc(&graph->pool, list.n * sizeof(*list.v));
	if (list.n)
		memcpy(node->type.member, list.v, list.n * sizeof(*list.v));
	array_free(&list);
}

/* A class has its vtable pointer itself, or a base class has it. */
static bool is_polymorphic(struct typegraph *graph, const struct ctype *t)
{
	for (size_t i = 0; i < t->nmembers; i++)
		if (t->member[i].vptr ||
		    (t->member[i].base && ctype_get(graph, t->member[i].type)->polymorphic))
			return true;
	return false;
}

/* The product of all dimensions; 0: one of them is not told. */
static uint64_t elements(struct typegraph *graph, Dwarf_Die *array)
{
	uint64_t count = 1;
	Dwarf_Die die;
	void *last = NULL;

	if (dwarf_child(array, &die) != 0)
		return 0;
	do {
		uint64_t n = number(&die, DW_AT_count, UINT64_MAX);

		if (die.addr <= last || ++graph->dies > DIES_MOST)
			return 0;
		last = die.addr;
		if (dwarf_tag(&die) != DW_TAG_subrange_type)
			continue;
		if (n == UINT64_MAX) {
			n = number(&die, DW_AT_upper_bound, UINT64_MAX);
			n = n < UINT64_MAX - 1 ? n + 1 : 0;
		}
		if (__builtin_mul_overflow(count, n, &count))
			return 0;
	} while (!dwarf_siblingof(&die, &die));
	return count;
}

void type_load(struct typegraph *graph, struct node *node)
{
	struct ctype *t = &node->type;
	Dwarf_Die die;

	die_again(&node->die, &die);
	switch (t->kind) {
	case CTYPE_POINTER:
		t->of = type_of_entry(graph, &die);
		break;
	case CTYPE_ARRAY:
		t->of = type_of_entry(graph, &die);
		t->count = elements(graph, &die);
		if (!t->size &&
		    __builtin_mul_overflow(t->count, ctype_get(graph, t->of)->size, &t->size))
			t->size = 0;
		break;
	case CTYPE_RECORD:
		if (!is_storage(node) || !load_storage(graph, node, &die))
			load_members(graph, node, &die);
		t->polymorphic = is_polymorphic(graph, t);
		break;
	case CTYPE_UNION:
		load_members(graph, node, &die);
		break;
	default:
		break;
	}
}
