/*
 * malloc hands out blocks in steps of 16 bytes (8 with 32-bit words), so that a block of 56 usable
 * bytes was asked for with 41 to 56.
 *
 * Programs that count what they use put the length in front of what they hand out (sqlite, zmalloc
 * without malloc_usable_size, many an xmalloc), and new[] the number of elements. All pointers then
 * go to what is behind. Such a header is believed where a typed pointer goes right behind it and it
 * accounts for the block, but for what malloc adds: a step, or two where a rest was left.
 */
#include "analyzer/type/propagate_in.h"

static uint64_t least_request(const struct propagation *p, const struct block *b)
{
	uint64_t step = b->span->kind == SPAN_MMAP ? p->t->core->page_size : 2 * p->word;

	if (b->size <= 3 * p->word)
		return 0;
	return b->size >= step ? b->size - step + 1 : 0;
}

struct room room_of(const struct propagation *p, const struct block *b)
{
	return (struct room){
		.at = b->addr, .size = b->size, .least = least_request(p, b), .id = b->id
	};
}

/* Lengths are rounded up to words. */
static bool behind_length(struct propagation *p, const struct block *b, uint64_t offset,
                          struct room *room)
{
	for (uint64_t at = 0; at < offset; at += p->word) {
		uint64_t n;

		if (!view_read_word(&p->view, b->addr + at, &n, p->word) || n < p->word ||
		    n > b->size - offset ||
		    n + offset + 2 * p->word < least_request(p, b))
			continue;
		room->size = n;
		room->least = n - p->word + 1;
		return true;
	}
	return false;
}

/* new[] of a class with a destructor puts the number of elements in front (Itanium C++ ABI 2.7). */
static bool behind_count(struct propagation *p, const struct block *b, uint64_t offset,
                         uint32_t type, struct room *room)
{
	uint64_t size = ctype_get(p->graph, type)->size, n;

	if (!size || !view_read_word(&p->view, b->addr + offset - p->word, &n, p->word) || n < 2 ||
	    n > (b->size - offset) / size || n * size + offset < least_request(p, b))
		return false;
	room->size = room->least = n * size;
	return true;
}

bool room_behind(struct propagation *p, const struct block *b, uint64_t offset, uint32_t type,
                 struct room *room)
{
	*room = (struct room){ .at = b->addr + offset, .id = b->id };
	if ((offset != p->word && offset != 2 * p->word) || b->size < offset + p->word)
		return false;
	room->head = (uint32_t)(offset / p->word);
	return behind_length(p, b, offset, room) || behind_count(p, b, offset, type, room);
}

struct room room_known(struct propagation *p, const struct block *b)
{
	uint32_t of = p->of[b->id];
	struct room room;

	if (head_in(of) &&
	    room_behind(p, b, (uint64_t)head_in(of) * p->word, type_in(of), &room))
		return room;
	return room_of(p, b);
}
