#include "analyzer/type/shape.h"

#include <stdio.h>

/* All bytes printable up to a NUL, behind which there are only NULs; three of them at least. */
static bool is_text(uint64_t value, unsigned word)
{
	unsigned n = 0;

	for (; n < word && value & 0xff; n++, value >>= 8) {
		uint8_t c = value & 0xff;

		if ((c < 0x20 || c >= 0x7f) && c != '\t' && c != '\n')
			return false;
	}
	return n >= 3 && !value;
}

static enum shape_word classify(const struct core *core, const struct heap *heap, uint64_t value)
{
	vaddr at = core_pointer(core, value);
	const struct segment *s;
	struct block b;

	if (!value)
		return SHAPE_ZERO;
	if (at >= core->page_size && heap_span(heap, at) && heap_find(heap, at, &b))
		return SHAPE_PTR;
	s = at >= core->page_size ? core_segment(core, at) : NULL;
	if (s)
		return s->flags & SEG_X ? SHAPE_CODE : SHAPE_DATA;
	return is_text(value, core->machine->word) ? SHAPE_TEXT_WORD : SHAPE_LONG;
}

void shape_make(const struct core *core, const struct heap *heap, const struct block *block,
                struct shape *out)
{
	unsigned word = core->machine->word;
	uint64_t n = block->size / word;

	n -= n > 1;
	*out = (struct shape){ .n = (uint8_t)(n < SHAPE_WORDS ? n : SHAPE_WORDS),
		               .more = n > SHAPE_WORDS };
	for (unsigned i = 0; i < out->n; i++) {
		uint64_t value;

		out->word[i] = SHAPE_NONE;
		if (core_read_word(core, block->addr + i * word, &value))
			out->word[i] = (uint8_t)classify(core, heap, value);
	}
}

/* SHAPE_NONE stands for what fits nothing else; false: a contradiction. */
static bool join(uint8_t *to, uint8_t with)
{
	if (*to == with || with == SHAPE_ZERO || with == SHAPE_NONE)
		return true;
	if (*to == SHAPE_ZERO || *to == SHAPE_NONE) {
		*to = with;
		return true;
	}
	if ((*to == SHAPE_LONG || *to == SHAPE_TEXT_WORD) &&
	    (with == SHAPE_LONG || with == SHAPE_TEXT_WORD)) {
		*to = SHAPE_LONG;
		return true;
	}
	return false;
}

bool shape_join(struct shape *to, const struct shape *with)
{
	struct shape both = *to;

	if (to->n != with->n || to->more != with->more)
		return false;
	for (unsigned i = 0; i < both.n; i++)
		if (!join(&both.word[i], with->word[i]))
			return false;
	*to = both;
	return true;
}

const char *shape_text(const struct shape *shape, char buf[SHAPE_TEXT])
{
	static const char *const names[] = { "0", "ptr", "code", "data", "text", "long", "?" };
	size_t used = 0;

	for (unsigned i = 0; i < shape->n;) {
		unsigned run = 1;

		while (i + run < shape->n && shape->word[i + run] == shape->word[i])
			run++;
		used += (size_t)snprintf(buf + used, SHAPE_TEXT - used, "%s%s", i ? "," : "{",
		                         names[shape->word[i]]);
		if (run > 1)
			used += (size_t)snprintf(buf + used, SHAPE_TEXT - used, "*%u", run);
		i += run;
	}
	snprintf(buf + used, SHAPE_TEXT - used, "%s%s", used ? "" : "{",
	         shape->more ? ",...}" : "}");
	return buf;
}

const char *shape_of(const struct core *core, const struct heap *heap, const struct block *block,
                     char buf[SHAPE_TEXT])
{
	struct shape shape;

	shape_make(core, heap, block, &shape);
	return shape_text(&shape, buf);
}
