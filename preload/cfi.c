/*
 * What .eh_frame says of a return address, as one rule. Read from the modules' own memory by way of
 * .eh_frame_hdr's sorted table. Sources: the LSB's "Exception Frames", DWARF 5 section 6.4, the
 * x86-64 psABI's register numbers; glibc's _dl_find_object (2.35), which takes no lock, and
 * dl_iterate_phdr before.
 *
 * Only what compilers make of ordinary functions is understood: the caller's stack pointer as
 * stack or frame pointer plus a number, the frame pointer kept or saved at a fixed place. Anything
 * else (expressions, as in PLTs and realigned main functions) counts as a frame with its pointer.
 */
#include "preload/unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#define STATES  8 /* remembered at once */
#define REG_FP  6
#define REG_SP  7
#define REG_RA  16
#define ENC_HDR 0x3b /* DW_EH_PE_datarel | sdata4: what every linker writes */
#define ENC_PC  0x1b /* DW_EH_PE_pcrel | sdata4 */

struct module {
	const uint8_t *hdr; /* .eh_frame_hdr; NULL: none */
	const char *path;   /* empty: the program itself */
};

/* ---- which module ---- */

struct search {
	uintptr_t pc;
	struct module found;
	bool is_found;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *to)
{
	struct search *s = to;
	const uint8_t *hdr = NULL;
	bool inside = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && p->p_flags & PF_X && s->pc - start < p->p_memsz)
			inside = true;
		if (p->p_type == PT_GNU_EH_FRAME)
			hdr = (const uint8_t *)start;
	}
	if (!inside)
		return 0;
	s->found = (struct module){ hdr, info->dlpi_name };
	s->is_found = true;
	return 1;
}

/* glibc's struct dl_find_object, which headers before 2.35 do not have. */
struct object {
	unsigned long long flags;
	void *start, *end;
	struct link_map *map;
	void *eh_frame;
	unsigned long long more[8];
};

static int (*find_object)(void *, struct object *);

void cfi_start(void)
{
	void *f = dlsym(RTLD_DEFAULT, "_dl_find_object");

	memcpy(&find_object, &f, sizeof(find_object));
}

static bool find_module(uintptr_t pc, struct module *out)
{
	struct object object;
	struct search s = { .pc = pc };

	if (find_object) {
		if (find_object((void *)pc, &object))
			return false;
		*out = (struct module){ object.eh_frame, object.map->l_name };
		return true;
	}
	dl_iterate_phdr(look_at, &s);
	*out = s.found;
	return s.is_found;
}

static bool is_inner(const char *path)
{
	static const char *const names[] = { "libc.so.", "libc-2.", "libstdc++.so", "libc++" };
	const char *name = path ? strrchr(path, '/') : NULL;

	for (size_t i = 0; name && i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name + 1, names[i], strlen(names[i])))
			return true;
	return false;
}

#ifdef __x86_64__

/* ---- reading ---- */

static uint64_t uleb(const uint8_t **p, const uint8_t *end)
{
	uint64_t v = 0;

	for (unsigned shift = 0; *p < end; shift += 7) {
		uint8_t b = *(*p)++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return v;
}

static int64_t sleb(const uint8_t **p, const uint8_t *end)
{
	uint64_t v = 0;

	for (unsigned shift = 0; *p < end;) {
		uint8_t b = *(*p)++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (b & 0x80)
			continue;
		if (b & 0x40 && shift < 64)
			v |= UINT64_MAX << shift;
		break;
	}
	return (int64_t)v;
}

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uintptr_t relative(const uint8_t *base, const uint8_t *p)
{
	return (uintptr_t)base + (uintptr_t)(intptr_t)(int32_t)u32_at(p);
}

/* ---- a function's instructions ---- */

struct state {
	unsigned base;      /* register of the CFA; ~0u: something not understood */
	int64_t offset;     /* from it */
	int64_t fp;         /* where the frame pointer is, from the CFA; 0: unchanged; 1: unknown */
	bool ra_here, stop; /* the return address is at CFA - 8; there is none */
};

struct reader {
	uint64_t code_align;
	int64_t data_align;
	struct state now, first, kept[STATES];
	unsigned nkept;
	uintptr_t at, pc; /* the row of pc is wanted */
};

static void saved(struct reader *r, uint64_t reg, int64_t offset)
{
	if (reg == REG_FP)
		r->now.fp = offset && !(offset & 7) && offset < 0 ? offset : 1;
	if (reg == REG_RA)
		r->now.ra_here = offset == -8;
}

static void restored(struct reader *r, uint64_t reg)
{
	if (reg == REG_FP)
		r->now.fp = r->first.fp;
	if (reg == REG_RA)
		r->now.ra_here = r->first.ra_here;
}

/* The instructions that have operands; false: one that is not known. */
static bool extended(struct reader *r, uint8_t op, const uint8_t **p, const uint8_t *end)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x05: /* offset_extended */
		reg = uleb(p, end);
		saved(r, reg, (int64_t)uleb(p, end) * r->data_align);
		return true;
	case 0x06: /* restore_extended */
		restored(r, uleb(p, end));
		return true;
	case 0x07: /* undefined */
		if (uleb(p, end) == REG_RA)
			r->now.stop = true;
		return true;
	case 0x08: /* same_value */
		if (uleb(p, end) == REG_FP)
			r->now.fp = 0;
		return true;
	case 0x09: /* register */
		reg = uleb(p, end);
		uleb(p, end);
		saved(r, reg, 1);
		return true;
	case 0x0a: /* remember_state */
		if (r->nkept == STATES)
			return false;
		r->kept[r->nkept++] = r->now;
		return true;
	case 0x0b: /* restore_state */
		if (!r->nkept)
			return false;
		r->now = r->kept[--r->nkept];
		return true;
	case 0x0c: /* def_cfa */
		r->now.base = (unsigned)uleb(p, end);
		r->now.offset = (int64_t)uleb(p, end);
		return true;
	case 0x0d: /* def_cfa_register */
		r->now.base = (unsigned)uleb(p, end);
		return true;
	case 0x0e: /* def_cfa_offset */
		r->now.offset = (int64_t)uleb(p, end);
		return true;
	default:
		return false;
	}
}

/* Those that compilers seldom write. */
static bool seldom(struct reader *r, uint8_t op, const uint8_t **p, const uint8_t *end)
{
	uint64_t reg, size;

	switch (op) {
	case 0x0f: /* def_cfa_expression */
		r->now.base = ~0u;
		size = uleb(p, end);
		break;
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		reg = uleb(p, end);
		size = uleb(p, end);
		saved(r, reg, 1);
		break;
	case 0x11: /* offset_extended_sf */
		reg = uleb(p, end);
		saved(r, reg, sleb(p, end) * r->data_align);
		return true;
	case 0x12: /* def_cfa_sf */
		r->now.base = (unsigned)uleb(p, end);
		r->now.offset = sleb(p, end) * r->data_align;
		return true;
	case 0x13: /* def_cfa_offset_sf */
		r->now.offset = sleb(p, end) * r->data_align;
		return true;
	case 0x2e: /* GNU_args_size */
		uleb(p, end);
		return true;
	default:
		return false;
	}
	if (size > (uint64_t)(end - *p))
		return false;
	*p += size;
	return true;
}

/* How far an advance_loc goes; false: it is none. */
static bool advance(struct reader *r, uint8_t op, const uint8_t **p, const uint8_t *end)
{
	unsigned bytes = op == 2 ? 1 : op == 3 ? 2 : 4;
	uint32_t delta = 0;

	if (op >> 6 == 1) {
		delta = op & 0x3f;
	} else {
		if (op < 2 || op > 4 || (size_t)(end - *p) < bytes)
			return false;
		memcpy(&delta, *p, bytes); /* little-endian */
		*p += bytes;
	}
	r->at += delta * r->code_align;
	return true;
}

static bool run(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	while (p < end && r->at <= r->pc) {
		uint8_t op = *p++;

		if (op >> 6 == 2)
			saved(r, op & 0x3f, (int64_t)uleb(&p, end) * r->data_align);
		else if (op >> 6 == 3)
			restored(r, op & 0x3f);
		else if (op >> 6 == 1 || (op >= 2 && op <= 4)) {
			uintptr_t before = r->at;

			if (!advance(r, op, &p, end))
				return false;
			if (r->at > r->pc) { /* the row before it is the one */
				r->at = before;
				return true;
			}
		} else if (!extended(r, op, &p, end) && !seldom(r, op, &p, end)) {
			return false;
		}
	}
	return true;
}

/* ---- entries ---- */

/* The CIE's instructions and what it says of its FDEs. *signal: of a signal's frame. */
static bool read_cie(const uint8_t *cie, struct reader *r, bool *signal)
{
	const uint8_t *p = cie + 8, *end = cie + 4 + u32_at(cie), *text;
	bool sized = false;
	uint64_t size;

	if (u32_at(cie) >= UINT32_MAX - 16 || u32_at(cie + 4) || (*p != 1 && *p != 3))
		return false;
	text = ++p;
	p += strlen((const char *)p) + 1;
	r->code_align = uleb(&p, end);
	r->data_align = sleb(&p, end);
	if (uleb(&p, end) != REG_RA)
		return false;
	*signal = false;
	size = 0;
	for (; *text; text++) {
		if (*text == 'z') {
			size = uleb(&p, end);
			sized = true;
		} else if (*text == 'S') {
			*signal = true;
		} else if (*text == 'R') {
			/* pointers are in the order of the letters; one byte for R, one for L,
			 * an encoded pointer for P: whatever they are, the FDE's is checked */
		} else if (*text != 'P' && *text != 'L' && *text != 'B') {
			return false;
		}
	}
	if (!sized || size > (uint64_t)(end - p))
		return false;
	r->now = (struct state){ .base = ~0u };
	if (!run(r, p + size, end))
		return false;
	r->first = r->now;
	return true;
}

/* The FDE of the function that holds pc; NULL: there is none. */
static const uint8_t *find_fde(const uint8_t *hdr, uintptr_t pc)
{
	const uint8_t *table, *fde;
	size_t lo = 0, hi;

	if (hdr[0] != 1 || hdr[1] != ENC_PC || hdr[2] != 3 || hdr[3] != ENC_HDR)
		return NULL;
	table = hdr + 12;
	hi = u32_at(hdr + 8);
	while (lo < hi) { /* the last that begins at or before pc */
		size_t mid = lo + (hi - lo) / 2;

		if (relative(hdr, table + mid * 8) <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	fde = (const uint8_t *)relative(hdr, table + (lo - 1) * 8 + 4);
	/* pc_begin and pc_range are encoded as in the table: checked against it */
	if (u32_at(fde) >= UINT32_MAX - 16 || u32_at(fde) < 16 || !u32_at(fde + 4) ||
	    relative(fde + 8, fde + 8) != relative(hdr, table + (lo - 1) * 8))
		return NULL;
	return pc - relative(fde + 8, fde + 8) < u32_at(fde + 12) ? fde : NULL;
}

static bool read_fde(const uint8_t *fde, struct reader *r)
{
	const uint8_t *p = fde + 16, *end = fde + 4 + u32_at(fde);
	bool signal;
	uint64_t size;

	r->at = relative(fde + 8, fde + 8);
	if (!read_cie(fde + 4 - u32_at(fde + 4), r, &signal))
		return false;
	if (signal) { /* what it interrupted is not a call */
		r->now.stop = true;
		return true;
	}
	size = uleb(&p, end); /* of the augmentation data */
	return size <= (uint64_t)(end - p) && run(r, p + size, end);
}

static uint32_t rule_of_state(const struct state *s)
{
	int64_t words = s->offset / 8, saved_at = -s->fp / 8;

	if (s->stop)
		return RULE(RULE_STOP, 1, 0);
	if ((s->base != REG_FP && s->base != REG_SP) || !s->ra_here || s->offset % 8 || words < 1 ||
	    words > (int64_t)RULE_WORDS || s->fp == 1 || saved_at > (int64_t)RULE_SAVED)
		return RULE_FRAME;
	return RULE(s->base == REG_SP ? RULE_SP : RULE_FP, words, saved_at);
}

static uint32_t code_rule(const struct module *m, uintptr_t pc)
{
	const uint8_t *fde = m->hdr ? find_fde(m->hdr, pc - 1) : NULL;
	struct reader r;

	if (!fde)
		return RULE_FRAME;
	memset(&r, 0, sizeof(r));
	r.pc = pc - 1; /* within the call */
	return read_fde(fde, &r) ? rule_of_state(&r.now) : RULE_FRAME;
}

#else

static uint32_t code_rule(const struct module *m, uintptr_t pc)
{
	(void)m;
	(void)pc;
	return RULE_FRAME;
}

#endif

uint32_t cfi_rule(uintptr_t pc)
{
	struct module m;

	if (!find_module(pc, &m))
		return RULE_NO_CODE;
	return code_rule(&m, pc) | (is_inner(m.path) ? RULE_INNER : 0);
}
