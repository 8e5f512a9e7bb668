#include "analyzer/code/scan.h"

#include "analyzer/code/index.h"

#define LOADED_NEAR 128 /* bytes of code, from where a pointer is loaded to its call */

static uint64_t hash(uint64_t at)
{
	return at * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

size_t scan_slot(const struct scan_set *set, uint64_t at)
{
	size_t i = set->cap ? (size_t)hash(at) & (set->cap - 1) : 0;

	while (set->cap && set->v[i] && set->v[i] != at)
		i = (i + 1) & (set->cap - 1);
	return i;
}

static void grow(struct scan_set *set)
{
	uint64_t *old = set->v;
	size_t cap = set->cap;

	set->cap = cap ? cap * 2 : 256;
	set->v = mem_alloc(set->cap, sizeof(*set->v));
	for (size_t i = 0; i < cap; i++)
		if (old[i])
			set->v[scan_slot(set, old[i])] = old[i];
	mem_free(old);
}

void scan_add(struct scan_set *set, uint64_t at)
{
	size_t i;

	if (!at)
		return;
	if (set->n * 2 >= set->cap)
		grow(set);
	i = scan_slot(set, at);
	set->n += !set->v[i];
	set->v[i] = at;
	set->bits[hash(at) >> 6 & 1023] |= UINT64_C(1) << (hash(at) & 63);
}

bool scan_has(const struct scan_set *set, uint64_t at)
{
	uint64_t h = hash(at);

	return set->bits[h >> 6 & 1023] >> (h & 63) & 1 && set->v[scan_slot(set, at)] == at;
}

void scan_free(struct scan_set *set)
{
	mem_free(set->v);
	*set = (struct scan_set){ 0 };
}

static uint64_t relative(const struct function_range *code, uint64_t i)
{
	int32_t distance;

	memcpy(&distance, code->bytes + i, sizeof(distance));
	return code->start + i + 4 + (uint64_t)(int64_t)distance;
}

/* Where the stub begins whose jump is at i: before it may be endbr64 and a bnd prefix. */
static uint64_t stub_start(const struct function_range *code, uint64_t i)
{
	if (i >= 1 && code->bytes[i - 1] == 0xf2)
		i--;
	if (i >= 4 && load32(code->bytes + i - 4) == 0xfa1e0ff3)
		i -= 4;
	return code->start + i;
}

void scan_stubs(const struct functions *functions, struct scan_set *set)
{
	for (size_t c = 0; c < functions->ncode && set->n; c++) {
		const struct function_range *code = &functions->code[c];
		uint64_t size = code->end - code->start;

		for (uint64_t i = 0; size >= 6 && i <= size - 6; i++) {
			if (code->bytes[i] != 0xff || code->bytes[i + 1] != 0x25 ||
			    !scan_has(set, relative(code, i + 2)) || stub_start(code, i) % 8)
				continue;
			scan_add(set, stub_start(code, i));
			scan_add(set, code->start + i);
			i += 5;
		}
	}
}

static void mark(const struct functions *functions, uint64_t at, uint64_t *bits)
{
	const struct function *f = function_at(functions, at);
	size_t i;

	if (!f)
		return;
	i = (size_t)(f - functions->v);
	bits[i / 64] |= UINT64_C(1) << i % 64;
}

void scan_callers(const struct functions *functions, const struct scan_set *set, uint64_t *bits)
{
	for (size_t c = 0; c < functions->ncode && set->n; c++) {
		const struct function_range *code = &functions->code[c];
		uint64_t size = code->end - code->start;

		for (uint64_t i = 0; size >= 6 && i <= size - 6; i++) {
			uint8_t op = code->bytes[i];

			if ((op & 0xfe) == 0xe8) { /* call, jmp */
				if (scan_has(set, relative(code, i + 1)))
					mark(functions, code->start + i, bits);
			} else if (op == 0xff &&
			           (code->bytes[i + 1] == 0x15 || code->bytes[i + 1] == 0x25)) {
				uint64_t slot = relative(code, i + 2);

				if (scan_has(set, slot) && (code->bytes[i + 1] == 0x15 ||
				                            !scan_has(set, stub_start(code, i))))
					mark(functions, code->start + i, bits);
			} else if ((op == 0x8b || op == 0x3b) && (code->bytes[i + 1] & 0xc7) == 5) {
				/* mov from the slot: a call through a register may follow */
				if (scan_has(set, relative(code, i + 2)))
					mark(functions, code->start + i, bits);
			}
		}
	}
}

uint32_t *scan_count(const struct functions *functions, const struct scan_set *set)
{
	uint32_t *n = mem_alloc(set->cap + 1, sizeof(*n));

	for (size_t c = 0; c < functions->ncode && set->n; c++) {
		const struct function_range *code = &functions->code[c];
		uint64_t size = code->end - code->start;

		for (uint64_t i = 0; size >= 5 && i <= size - 5; i++) {
			uint64_t to;

			if ((code->bytes[i] & 0xfe) != 0xe8)
				continue;
			to = relative(code, i + 1);
			if (scan_has(set, to))
				n[scan_slot(set, to)]++;
		}
	}
	return n;
}

/* The offset of a memory operand whose ModRM byte this is; -1: none, or of another form. */
static int64_t offset_of(const uint8_t *p, uint64_t left)
{
	uint64_t at = (p[0] & 7) == 4 ? 2 : 1; /* behind the SIB byte */
	int32_t wide;

	if (p[0] >> 6 == 3 || left < at + 4 || (!(p[0] >> 6) && (p[0] & 7) == 5))
		return -1;
	if (!(p[0] >> 6))
		return 0;
	if (p[0] >> 6 == 1)
		return (int8_t)p[at];
	memcpy(&wide, p + at, sizeof(wide));
	return wide;
}

static bool has_offset(const struct site_held *member, size_t n, int64_t offset)
{
	for (size_t i = 0; i < n; i++)
		if (offset >= 0 && member[i].at == (uint64_t)offset)
			return true;
	return false;
}

void scan_members(const struct functions *functions, const struct site_held *member, size_t n,
                  uint64_t *bits)
{
	for (size_t c = 0; c < functions->ncode && n; c++) {
		const struct function_range *code = &functions->code[c];
		uint64_t size = code->end - code->start, loaded = 0;

		for (uint64_t i = 1; size >= 8 && i <= size - 8; i++) {
			const uint8_t *p = code->bytes + i;
			unsigned reg = p[1] >> 3 & 7;

			if (p[0] == 0x8b && (p[-1] & 0xf8) == 0x48) {
				if (has_offset(member, n, offset_of(p + 1, size - i - 1)))
					loaded = i;
			} else if (p[0] == 0xff && (reg == 2 || reg == 4)) {
				if (p[1] >> 6 == 3
				            ? loaded && i - loaded < LOADED_NEAR
				            : has_offset(member, n, offset_of(p + 1, size - i - 1)))
					mark(functions, code->start + i, bits);
			}
		}
	}
}
