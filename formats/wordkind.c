#include "formats/wordkind.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define DEPTH  6    /* of structs in structs */
#define STEPS  2000 /* members that are looked at */
#define TYPEDS 16   /* typedefs and qualifiers on the way to a type */

static bool refer(Dwarf_Die *die, Dwarf_Die *to)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), to) != NULL;
}

/* Without typedefs and qualifiers. False: there are too many, or it is void. */
static bool bare(Dwarf_Die *type)
{
	for (unsigned i = 0; i < TYPEDS; i++) {
		int tag = dwarf_tag(type);
		Dwarf_Die next;

		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type && tag != DW_TAG_restrict_type &&
		    tag != DW_TAG_atomic_type)
			return true;
		if (!refer(type, &next))
			return false;
		*type = next;
	}
	return false;
}

static enum wordkind kind_of_base(Dwarf_Die *type, uint64_t size)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;

	dwarf_formudata(dwarf_attr(type, DW_AT_encoding, &attr), &encoding);
	if (encoding == DW_ATE_float)
		return size <= 8 ? WORDKIND_FLOAT : WORDKIND_UNKNOWN;
	return size == 8 ? WORDKIND_NUMBER : size < 8 ? WORDKIND_NUMBERS : WORDKIND_UNKNOWN;
}

static enum wordkind kind_of_pointer(Dwarf_Die *type)
{
	Dwarf_Die to;

	if (refer(type, &to) && bare(&to) && dwarf_tag(&to) == DW_TAG_subroutine_type)
		return WORDKIND_FUNCTION;
	return WORDKIND_POINTER;
}

/* What is no struct. */
static enum wordkind kind_of(Dwarf_Die *type, uint64_t size)
{
	switch (dwarf_tag(type)) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return kind_of_pointer(type);
	case DW_TAG_enumeration_type:
		return size <= 8 ? WORDKIND_NUMBERS : WORDKIND_UNKNOWN;
	case DW_TAG_base_type:
		return kind_of_base(type, size);
	default:
		return WORDKIND_UNKNOWN;
	}
}

struct walk {
	uint8_t *kind;
	uint16_t told[WORDKINDS]; /* 1: something is there, 2: and it is not clear what */
	unsigned steps;
};

static void put(struct walk *w, uint64_t at, uint64_t size, enum wordkind kind)
{
	for (uint64_t i = at / 8; size && i <= (at + size - 1) / 8 && i < WORDKINDS; i++) {
		if (w->told[i] && w->kind[i] != kind)
			w->kind[i] = WORDKIND_UNKNOWN;
		else
			w->kind[i] = (uint8_t)kind;
		w->told[i] = 1;
	}
}

static uint64_t offset_of(Dwarf_Die *member)
{
	Dwarf_Attribute attr;
	Dwarf_Word at = 0;

	if (dwarf_hasattr(member, DW_AT_data_bit_offset)) {
		dwarf_formudata(dwarf_attr(member, DW_AT_data_bit_offset, &attr), &at);
		return at / 8;
	}
	if (dwarf_formudata(dwarf_attr(member, DW_AT_data_member_location, &attr), &at))
		return dwarf_hasattr(member, DW_AT_data_member_location) ? UINT64_MAX : 0;
	return at;
}

static bool is_struct(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type;
}

/* An array: char is text, the rest as often as there is room. False: of structs, or of arrays. */
static void put_array(struct walk *w, Dwarf_Die *type, uint64_t at, uint64_t size)
{
	Dwarf_Die of;
	Dwarf_Word each;
	enum wordkind kind;

	if (!refer(type, &of) || !bare(&of) || dwarf_aggregate_size(&of, &each)) {
		put(w, at, size, WORDKIND_UNKNOWN);
		return;
	}
	kind = kind_of(&of, each);
	if (each == 1 && dwarf_tag(&of) == DW_TAG_base_type)
		kind = WORDKIND_TEXT;
	put(w, at, size, kind);
}

/* One member; true: it is a struct, *type, which begins at *at. */
static bool put_member(struct walk *w, Dwarf_Die *member, uint64_t base, Dwarf_Die *type,
                       uint64_t *at)
{
	uint64_t offset = offset_of(member);
	Dwarf_Word size;

	if (offset >= 8 * WORDKINDS || base + offset >= 8 * WORDKINDS || !refer(member, type) ||
	    !bare(type) || dwarf_aggregate_size(type, &size))
		return false;
	*at = base + offset;
	size = size < 8 * WORDKINDS ? size : 8 * WORDKINDS;
	if (is_struct(type))
		return true;
	if (dwarf_tag(type) == DW_TAG_array_type)
		put_array(w, type, *at, size);
	else
		put(w, *at, size, kind_of(type, size));
	return false;
}

void wordkind_read(void *type, uint8_t kind[WORDKINDS])
{
	struct walk w = { .kind = kind };
	Dwarf_Die at[DEPTH], inner;
	uint64_t base[DEPTH] = { 0 }, start;
	unsigned depth = 0;

	memset(kind, WORDKIND_UNKNOWN, WORDKINDS);
	if (!is_struct(type) || dwarf_child(type, &at[0]))
		return;
	for (unsigned i = 0; i < STEPS; i++) {
		int tag = dwarf_tag(&at[depth]);

		if ((tag == DW_TAG_member || tag == DW_TAG_inheritance) &&
		    !dwarf_hasattr(&at[depth], DW_AT_external) &&
		    put_member(&w, &at[depth], base[depth], &inner, &start) && depth + 1 < DEPTH &&
		    !dwarf_child(&inner, &at[depth + 1])) {
			base[++depth] = start;
			continue;
		}
		while (dwarf_siblingof(&at[depth], &at[depth])) {
			if (!depth--)
				return;
		}
	}
}
