/* Containers of one block: strings, vectors, and the buffers of streams. */
#include "analyzer/type/container.h"

#define STRING_MAX (UINT64_C(1) << 40)
#define INLINE     16  /* bytes of a string that need no block: both libraries have fewer */
#define CERTAIN    256 /* bytes of a string that hardly anything else would fit */
#define WIDE_LEAST 6   /* units of text: fewer may as well be numbers */
#define WIDE_LOOK  64  /* units that are looked at */

/*
 * A NUL behind it. Few numbers are enough for that to be chance: a short one has to be text, at
 * least without a NUL in it.
 */
static bool is_text(const struct containers *c, vaddr start, uint64_t length, uint64_t bytes)
{
	uint8_t text[CERTAIN];

	if (!core_read(c->t->core, start + length, text, 1) || *text)
		return false;
	if (bytes > CERTAIN)
		return true;
	return length && core_read(c->t->core, start, text, length) && !memchr(text, 0, length);
}

/* Units of 4 or 2 bytes: nearly all of them ASCII, and enough of them not to be numbers. */
static bool is_wide_text(const struct containers *c, vaddr start, uint64_t length, unsigned unit)
{
	uint64_t n = length < WIDE_LOOK ? length : WIDE_LOOK, ascii = 0;
	uint8_t text[(WIDE_LOOK + 1) * 4], end[4] = { 0 };

	if (length < WIDE_LEAST || !core_read(c->t->core, start, text, n * unit) ||
	    !core_read(c->t->core, start + length * unit, end, unit) ||
	    load32(end) & (unit == 2 ? UINT16_MAX : UINT32_MAX))
		return false;
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *at = text + i * unit;
		uint32_t value = (uint32_t)at[0] | (uint32_t)at[1] << 8;

		if (unit == 4)
			value |= (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		if (!value || value > 0x10ffff)
			return false;
		ascii += value >= ' ' && value < 0x7f;
	}
	return ascii >= n - n / 8;
}

/* libstdc++'s std::wstring, u32string and u16string: as its std::string, in units. */
static bool try_wide_string(struct containers *c, const struct words *w, size_t i)
{
	uint64_t start = word_of(c, w, i), length, room;
	struct block b;

	if (!c->gnu || i + 2 >= w->n)
		return false;
	length = word_of(c, w, i + 1);
	room = word_of(c, w, i + 2) + 1;
	if (length < WIDE_LEAST || length >= room || room > STRING_MAX ||
	    !container_block(c, start, &b))
		return false;
	for (unsigned unit = 4; unit >= 2; unit -= 2) {
		if (room * unit <= INLINE || !container_fits(c, &b, room * unit) ||
		    !is_wide_text(c, start, length, unit))
			continue;
		container_put(c, &b, unit == 4 ? PART_WIDE_STRING : PART_STRING_16);
		return true;
	}
	return false;
}

/* libstdc++: pointer, length, capacity. libc++: capacity | 1, length, pointer. */
static bool try_string(struct containers *c, const struct words *w, size_t i)
{
	uint64_t start = word_of(c, w, i), length, bytes;
	struct block b;

	if (c->gnu && i + 2 < w->n) {
		length = word_of(c, w, i + 1);
		bytes = word_of(c, w, i + 2) + 1;
		if (length < bytes && bytes > INLINE && bytes < STRING_MAX &&
		    container_block(c, start, &b) && container_fits(c, &b, bytes) &&
		    is_text(c, start, length, bytes)) {
			container_put(c, &b, PART_STRING);
			return true;
		}
	}
	if (try_wide_string(c, w, i))
		return true;
	if (!c->llvm || i < 2 || !(word_of(c, w, i - 2) & 1))
		return false;
	length = word_of(c, w, i - 1);
	bytes = word_of(c, w, i - 2) & ~UINT64_C(1);
	if (length >= bytes || bytes < INLINE || bytes > STRING_MAX ||
	    !container_block(c, start, &b) || !container_fits(c, &b, bytes) ||
	    !is_text(c, start, length, bytes))
		return false;
	container_put(c, &b, PART_STRING);
	return true;
}

/* Before GCC 5: length, capacity, references (or -1) in front of the text that is pointed to. */
static bool try_counted_string(struct containers *c, const struct words *w, size_t i)
{
	uint64_t text = word_of(c, w, i), head = 3 * (uint64_t)c->word, length, capacity;
	struct block b;
	uint32_t count;

	if (text < head || !container_block(c, text - head, &b) || b.size <= head ||
	    !container_word(c, b.addr, &length) ||
	    !container_word(c, b.addr + c->word, &capacity) ||
	    !core_read32(c->t->core, b.addr + 2 * c->word, &count))
		return false;
	if (!length || length > capacity || capacity >= b.size - head ||
	    count + 1 > CONTAINER_STEPS || !container_fits(c, &b, head + capacity + 1) ||
	    !is_text(c, text, length, capacity + 1))
		return false;
	container_put(c, &b, PART_STRING);
	return true;
}

/* The class of a vector's elements, where each begins with the same vtable. */
static const char *elements(struct containers *c, vaddr start, vaddr end)
{
	const struct rtti_class *class;
	uint64_t first, value;
	vaddr at = start + c->word;

	if (end - start < c->word || !container_word(c, start, &first))
		return NULL;
	class = rtti_find(c->t->rtti, first);
	if (!class || class->top)
		return NULL;
	while (at < end && container_word(c, at, &value) && value != first)
		at += c->word;
	if ((end - start) % (at - start))
		return NULL;
	for (uint64_t size = at - start; at < end; at += size)
		if (!container_word(c, at, &value) || value != first)
			return NULL;
	return class->name;
}

/* First, end, end of storage; what else points into it besides is a stream's buffer, say. */
static bool try_vector(struct containers *c, const struct words *w, size_t i)
{
	uint64_t start = word_of(c, w, i), end, limit, before = 0, after = 0;
	struct pool pool = { 0 };
	const char *class;
	struct block b;

	if (i + 2 >= w->n)
		return false;
	end = word_of(c, w, i + 1);
	limit = word_of(c, w, i + 2);
	if (end < start || limit < end || limit == start)
		return false;
	if (i)
		before = word_of(c, w, i - 1);
	if (i + 3 < w->n)
		after = word_of(c, w, i + 3);
	if ((before >= start && before <= limit) || (after >= start && after <= limit) ||
	    !container_block(c, start, &b) || !container_fits(c, &b, limit - start))
		return false;
	class = elements(c, start, end);
	if (class)
		container_put_name(c, &b, pool_printf(&pool, "std::vector<%s> buffer", class));
	else
		container_put(c, &b, PART_VECTOR);
	pool_free(&pool);
	return true;
}

/* libstdc++: first word, its first bit; last word, a bit in it; end of storage. */
static bool try_bits(struct containers *c, const struct words *w, size_t i)
{
	uint64_t start = word_of(c, w, i), last, limit;
	uint32_t bit;
	struct block b;

	if (!c->gnu || i + 4 >= w->n || (uint32_t)word_of(c, w, i + 1))
		return false;
	last = word_of(c, w, i + 2);
	bit = (uint32_t)word_of(c, w, i + 3);
	limit = word_of(c, w, i + 4);
	if (last < start || limit < last || (limit == last && bit) || (last - start) % c->word ||
	    (limit - start) % c->word || bit >= 8 * c->word || !container_block(c, start, &b) ||
	    !container_fits(c, &b, limit - start))
		return false;
	container_put(c, &b, PART_BITS);
	return true;
}

/*
 * A stream's buffer has three words for what is read and three for what is written, as a vector
 * has: behind its vtable, with libc++ behind its locale.
 */
static bool try_stream(struct containers *c, const struct words *w, size_t i)
{
	static const unsigned before[] = { 1, 4, 2, 5 };
	uint64_t start = word_of(c, w, i), at, end;
	const struct rtti_class *class = NULL;
	struct pool pool = { 0 };
	struct block b;

	if (i + 2 >= w->n)
		return false;
	for (size_t k = 0; k < sizeof(before) / sizeof(*before) && !class; k++) {
		if (i < before[k])
			continue;
		class = rtti_find(c->t->rtti, word_of(c, w, i - before[k]));
		if (class && !class->streambuf)
			class = NULL;
	}
	at = word_of(c, w, i + 1);
	end = word_of(c, w, i + 2);
	if (!class || at < start || end < at || !container_block(c, start, &b) ||
	    end - start > b.size)
		return false;
	if (strstr(class->name, "::stringbuf"))
		container_put(c, &b, PART_STRING);
	else
		container_put_name(c, &b, pool_printf(&pool, "%s's buffer", class->name));
	pool_free(&pool);
	return true;
}

bool container_buffer(struct containers *c, const struct words *w, size_t i)
{
	return try_string(c, w, i) || try_stream(c, w, i) || try_vector(c, w, i) ||
	       try_bits(c, w, i) || try_counted_string(c, w, i);
}
