#include "analyzer/process/abort.h"
#include "formats/written.h"

#define SIGNAL_ABORT 6
#define MESSAGE_MAX  (1u << 20) /* bytes of its mapping */

/*
 * Is there at v what libc's __libc_message leaves (sysdeps/posix/libc_fatal.c): a mapping of its
 * own that starts with its size as unsigned int, then the text?
 */
static const char *message_at(const struct core *core, vaddr v)
{
	const struct segment *s = core_segment(core, v);
	const char *text;
	uint32_t size;
	size_t n;

	if (!s || s->file >= 0 || !(s->flags & SEG_W) || !core_read32(core, v, &size))
		return NULL;
	if (!size || size & (core->page_size - 1) || size > MESSAGE_MAX || size > s->end - v)
		return NULL;
	text = (const char *)core_at(core, v, size);
	if (!text)
		return NULL;
	text += 4;
	n = strnlen(text, size - 4);
	if (n < 4 || n == size - 4 || size > round_up(n + 5, core->page_size))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
			return NULL;
	return text;
}

static const char *search(const struct core *core, const struct segment *s)
{
	unsigned word = core->machine->word;

	for (vaddr stop, at = round_up(s->start, word); core_written(core, &at, s->end, &stop);
	     at = stop) {
		for (at = round_up(at, word); at < stop && stop - at >= word; at += word) {
			uint64_t v = load_word(s->mem + (at - s->start), word);
			const char *text;

			if (v & (core->page_size - 1) || !v)
				continue;
			text = message_at(core, v);
			if (text)
				return text;
		}
	}
	return NULL;
}

const char *abort_message(const struct core *core, struct pool *pool)
{
	for (size_t i = 0; core->signal == SIGNAL_ABORT && i < core->nseg; i++) {
		const struct segment *s = &core->seg[i];
		bool bss = i && s->file < 0 && core->seg[i - 1].file >= 0 &&
		           core->seg[i - 1].end == s->start;
		const char *text;

		if (!(s->flags & SEG_W) || (s->file < 0 && !bss))
			continue;
		text = search(core, s);
		if (text)
			return pool_strndup(pool, text, strcspn(text, "\n"));
	}
	return NULL;
}
