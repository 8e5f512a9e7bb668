/*
 * A pool begins with its header:
 *
 *   0  number of blocks in use, 4 bytes      32  arena's number, 4 bytes
 *   8  first free block, or NULL             36  size: (this + 1) * alignment, 4 bytes
 *  16  next pool                             40  where the first block is that was never used
 *  24  pool before                           44  the last that this may be: pool's size - block's
 *
 * Blocks begin at 48. A free block's first word leads to the next free one. Alignment is 16 since
 * 3.7, 8 before; a pool has 16 KiB since 3.10, 4 KiB before, and is aligned to that.
 */
#include "analyzer/type/pymalloc.h"

#define HEADER   48
#define LARGEST  512
#define GC_WORDS 2 /* the collector's links in front of an object; two more where it keeps */
#define GC_HEADS 2 /* its dict there (3.11 on) */

struct shape {
	uint64_t pool, align;
};
static const struct shape shapes[] = { { 16384, 16 }, { 4096, 16 }, { 4096, 8 } };

struct header {
	uint64_t free;
	uint32_t used, size, next, last;
};

static bool read_header(struct pyobjects *p, vaddr pool, struct header *h)
{
	uint8_t b[HEADER];

	if (!core_read(p->core, pool, b, sizeof(b)))
		return false;
	h->used = load32(b);
	h->free = load64(b + 8);
	h->size = load32(b + 36);
	h->next = load32(b + 40);
	h->last = load32(b + 44);
	return true;
}

static bool is_pool(const struct shape *s, vaddr pool, const struct header *h, uint64_t *size)
{
	if (h->size >= LARGEST / s->align)
		return false;
	*size = (h->size + 1) * s->align;
	if (h->last != s->pool - *size || h->next > s->pool || h->next < HEADER ||
	    (h->next - HEADER) % *size || h->used > (h->next - HEADER) / *size)
		return false;
	return !h->free ||
	       (h->free > pool && h->free < pool + h->next && !((h->free - pool - HEADER) % *size));
}

/* Is it in the list of those that were used and are free? */
static bool is_free(struct pyobjects *p, vaddr pool, const struct header *h, uint64_t size,
                    vaddr start)
{
	uint64_t left = (h->next - HEADER) / size, at = h->free;

	for (; at && left; left--) {
		if (at == start)
			return true;
		if (at < pool + HEADER || at >= pool + h->next || !pyobject_word(p, at, 0, &at))
			break;
	}
	return false;
}

static void find_object(struct pyobjects *p, struct pymalloc_block *b)
{
	for (unsigned heads = 0; heads <= GC_HEADS; heads++) {
		vaddr object = b->start + heads * GC_WORDS * p->word;
		const struct pyclass *class;

		if (object >= b->start + b->size)
			return;
		class = pyobject_class(p, object);
		if (!class || class->basic > b->start + b->size - object)
			continue;
		b->object = object;
		b->class = class->name;
		return;
	}
}

bool pymalloc_find(struct pyobjects *p, vaddr at, struct pymalloc_block *out)
{
	*out = (struct pymalloc_block){ 0 };
	for (size_t i = 0; p->word == 8 && i < sizeof(shapes) / sizeof(*shapes); i++) {
		vaddr pool = round_down(at, shapes[i].pool);
		uint64_t offset = at - pool, size;
		struct header h;

		if (!read_header(p, pool, &h) || !is_pool(&shapes[i], pool, &h, &size))
			continue;
		*out = (struct pymalloc_block){ .start = pool, .size = size };
		if (offset < HEADER)
			return true;
		offset -= (offset - HEADER) % size;
		out->start = pool + offset;
		out->state = offset >= h.next || !h.used || is_free(p, pool, &h, size, out->start)
		                     ? PYMALLOC_FREE
		                     : PYMALLOC_USED;
		if (out->state == PYMALLOC_USED)
			find_object(p, out);
		return true;
	}
	return false;
}
