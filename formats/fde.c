/*
 * .eh_frame is a row of entries: a length, then 0 and a CIE, or the distance back to a CIE and an
 * FDE: pc_begin, pc_range in the encoding that the CIE's augmentation "R" names (Linux Standard
 * Base, Core, 10.6). PT_GNU_EH_FRAME points to a header that points to it.
 */
#include "formats/fde.h"

#include "formats/elfhead.h"

#include <stdlib.h>

#define FDES_MAX (1u << 23)

enum { /* DW_EH_PE_* */
       PE_ABSPTR = 0,
       PE_UDATA4 = 3,
       PE_UDATA8 = 4,
       PE_SDATA4 = 11,
       PE_SDATA8 = 12,
       PE_PCREL = 0x10,
};

struct frames {
	const uint8_t *bytes; /* from the section's start to the end of what holds it */
	uint64_t size, at;    /* at: address of the first */
	uint64_t cie;         /* offset of the CIE that was read last */
	unsigned encoding;    /* what it says; 0xff: not one that is known */
};

void fde_add(struct fde_list *list, uint64_t start, uint64_t end, bool symbol)
{
	struct fde f = { start, end, symbol };

	if (end > start && list->n < FDES_MAX)
		array_push(list, f);
}

static int by_start(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->symbol != y->symbol)
		return x->symbol ? 1 : -1;
	return x->end < y->end ? -1 : x->end > y->end;
}

void fde_sort(struct fde_list *list)
{
	size_t n = 0;

	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_start);
	for (size_t i = 0; i < list->n; i++) {
		if (n && list->v[n - 1].start == list->v[i].start)
			continue;
		if (n && list->v[n - 1].end > list->v[i].start)
			list->v[n - 1].end = list->v[i].start;
		list->v[n++] = list->v[i];
	}
	list->n = n;
}

/* A number of the encoding's format; false: the bytes are not there, or it is another format. */
static bool number(const struct frames *f, uint64_t *pos, unsigned encoding, uint64_t *value)
{
	bool wide = (encoding & 15) == PE_ABSPTR || (encoding & 15) == PE_UDATA8 ||
	            (encoding & 15) == PE_SDATA8;
	unsigned size = wide ? 8 : 4;

	if ((encoding & 15) != PE_UDATA4 && (encoding & 15) != PE_SDATA4 && !wide)
		return false;
	if (!range_holds(0, f->size, *pos, size))
		return false;
	*value = wide ? load64(f->bytes + *pos) : load32(f->bytes + *pos);
	if ((encoding & 15) == PE_SDATA4)
		*value = (uint64_t)(int64_t)(int32_t)*value;
	*pos += size;
	return true;
}

static bool skip_leb(const struct frames *f, uint64_t *pos)
{
	for (unsigned i = 0; i < 10 && *pos < f->size; i++)
		if (!(f->bytes[(*pos)++] & 0x80))
			return true;
	return false;
}

/* The encoding of pc_begin that the CIE's augmentation tells; pos: behind its id. */
static unsigned read_cie(const struct frames *f, uint64_t pos)
{
	const uint8_t *text, *end;
	uint64_t value;

	if (!range_holds(0, f->size, pos, 2))
		return 0xff;
	text = f->bytes + ++pos; /* behind the version */
	end = memchr(text, 0, f->size - pos);
	if (!end)
		return 0xff;
	pos += (uint64_t)(end - text) + 1;
	if (*text != 'z')
		return *text ? 0xff : PE_ABSPTR;
	/* code and data alignment, return address register, length of what follows */
	for (int i = 0; i < 4; i++)
		if (!skip_leb(f, &pos))
			return 0xff;
	for (const uint8_t *c = text + 1; c < end && pos < f->size; c++) {
		if (*c == 'R')
			return f->bytes[pos];
		if (*c == 'L')
			pos++;
		if (*c == 'P') {
			unsigned encoding = f->bytes[pos++];

			if (!number(f, &pos, encoding, &value))
				return 0xff;
		}
	}
	return PE_ABSPTR;
}

/* pos: where the distance to the CIE is. */
static void read_fde(struct frames *f, uint64_t pos, uint64_t distance, struct fde_list *list)
{
	uint64_t field, start, length;

	if (distance > pos)
		return;
	if (f->cie != pos - distance) {
		uint64_t body = pos - distance + 8; /* behind length and id */

		f->cie = pos - distance;
		f->encoding = load32(f->bytes + f->cie) == UINT32_MAX ? 0xff : read_cie(f, body);
	}
	field = f->at + pos + 4;
	pos += 4;
	if (!number(f, &pos, f->encoding, &start) || !number(f, &pos, f->encoding, &length))
		return;
	if ((f->encoding & 0x70) == PE_PCREL)
		start += field;
	else if (f->encoding & 0xf0)
		return;
	if (start && start + length > start)
		fde_add(list, start, start + length, false);
}

/* The file's bytes from an address to the end of the PT_LOAD that holds it. */
static bool find(const struct image *image, uint64_t at, struct frames *out)
{
	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];
		uint64_t offset;

		if (ph->p_type != PT_LOAD || at < ph->p_vaddr || at - ph->p_vaddr >= ph->p_filesz)
			continue;
		offset = ph->p_offset + (at - ph->p_vaddr);
		if (offset >= image->raw_size)
			return false;
		out->bytes = image->raw + offset;
		out->size = ph->p_filesz - (at - ph->p_vaddr);
		if (out->size > image->raw_size - offset)
			out->size = image->raw_size - offset;
		out->at = at;
		return true;
	}
	return false;
}

/* The section, by way of the header that PT_GNU_EH_FRAME points to. */
static bool find_frames(const struct image *image, struct frames *f)
{
	for (size_t i = 0; i < image->head->nphdrs; i++) {
		const Elf64_Phdr *ph = &image->head->phdr[i];
		struct frames head = { 0 };
		uint64_t pos = 4, at;

		if (ph->p_type != PT_GNU_EH_FRAME || !find(image, ph->p_vaddr, &head))
			continue;
		if (head.size < 8 || head.bytes[0] != 1 || !number(&head, &pos, head.bytes[1], &at))
			return false;
		if ((head.bytes[1] & 0x70) == PE_PCREL)
			at += head.at + 4;
		return find(image, at, f);
	}
	return false;
}

void fde_read(const struct image *image, struct fde_list *list, bool *damaged)
{
	struct frames f = { .cie = UINT64_MAX };
	uint64_t pos = 0;

	if (!find_frames(image, &f))
		return;
	while (range_holds(0, f.size, pos, 4)) {
		uint64_t length = load32(f.bytes + pos);

		if (!length)
			return;
		if (length == UINT32_MAX || length < 4 || !range_holds(0, f.size, pos + 4, length))
			break;
		if (load32(f.bytes + pos + 4) && length >= 12)
			read_fde(&f, pos + 4, load32(f.bytes + pos + 4), list);
		pos += 4 + length;
	}
	*damaged = true;
}
