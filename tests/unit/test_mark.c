/*
 * The marker on random heaps that are too big for its stack, so that it sweeps, and on long lists,
 * whose blocks it looks for further on: what it visits, what it finds touched and what it counts is
 * what the definition says, worked out block by block; for words of 8 and of 4 bytes, blocks
 * aligned to 16 and to 8, with memory tags, with the heap's memory in one piece and not, on one
 * thread and on three.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyzer/reach/mark.h"
#include "formats/machine.h"

#define HEAP UINT64_C(0x56000000)
#define MANY 90000 /* blocks: more than the marker's stack holds at once */

struct shape {
	unsigned width, align, apart; /* bytes */
	bool pieces;                  /* span.mem is not known */
	unsigned threads;
	bool lists;    /* else pointers at random */
	unsigned link; /* of lists: bytes behind a block's start */
};

struct fixture {
	struct shape shape;
	struct core core;
	struct segment seg;
	struct span span;
	struct heap heap;
	vaddr *chunk; /* MANY + 1: the last is the span's end */
	uint8_t *mem;
	uint64_t *left, *touched;
	uint32_t *root; /* blocks that roots point to */
	size_t nroots;
};

/* What the definition says. */
struct wanted {
	bool *visited, *touched;
	struct tally sum;
	uint32_t *stack;
};

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t usable(const struct fixture *f, uint32_t i)
{
	return f->chunk[i + 1] - f->chunk[i] - f->shape.width - f->shape.apart;
}

static void put(struct fixture *f, vaddr at, uint64_t word)
{
	memcpy(f->mem + (at - HEAP), &word, f->shape.width);
}

static uint64_t get(const struct fixture *f, vaddr at)
{
	return f->shape.width == 8 ? load64(f->mem + (at - HEAP)) : load32(f->mem + (at - HEAP));
}

/* Small ones, two in a thousand over several cells, one in ten thousand long. */
static uint64_t random_size(const struct shape *s)
{
	uint64_t least = s->width == 8 ? 32 : 16, size = least + rnd() % 80;

	if (rnd() % 500 == 0)
		size += rnd() % 4096;
	if (rnd() % 10000 == 0)
		size += 60000 + rnd() % 20000;
	return round_up(size, s->align);
}

/* A pointer: to a start, to anywhere in a block and its header, to a block's end; or none. */
static uint64_t random_word(const struct fixture *f)
{
	uint32_t i = (uint32_t)(rnd() % MANY);

	switch (rnd() % 12) {
	case 0:
	case 1:
		return f->chunk[i] + CHUNK_HEADER;
	case 2:
		return f->chunk[i] + rnd() % (f->chunk[i + 1] - f->chunk[i]);
	case 3:
		return f->chunk[i] + CHUNK_HEADER + usable(f, i);
	case 4:
		return f->chunk[i + 1] + f->span.size_at;
	case 5:
		return f->chunk[0] - 16 + rnd() % 16;
	case 6:
		return f->chunk[MANY] + rnd() % 64;
	default:
		return rnd() % 65536;
	}
}

static void make_chunks(struct fixture *f)
{
	vaddr at = HEAP;

	f->chunk = calloc(MANY + 1, sizeof(*f->chunk));
	for (uint32_t i = 0; i < MANY; i++) {
		f->chunk[i] = at;
		at += random_size(&f->shape);
	}
	f->chunk[MANY] = at;
	f->mem = calloc(1, at - HEAP + 64);
}

static void make_span(struct fixture *f)
{
	const struct shape *s = &f->shape;
	uint64_t size = f->chunk[MANY] - HEAP;

	f->span = (struct span){ .start = HEAP,
		                 .end = HEAP + size,
		                 .own_start = HEAP,
		                 .own_end = HEAP + size + 64,
		                 .mem = s->pieces ? NULL : f->mem,
		                 .apart = (uint8_t)s->apart,
		                 .nchunks = MANY,
		                 .kind = SPAN_BRK };
	span_form(&f->span, 16 - s->width, s->align);
	f->span.ncells = size / span_cell(&f->span) + 1;
	f->span.cell = calloc(f->span.ncells, sizeof(*f->span.cell));
	for (uint32_t i = 0; i < MANY; i++)
		span_set(&f->span, f->chunk[i]);
	assert_int_equal(span_rank(&f->span), MANY);
}

static void fill_random(struct fixture *f)
{
	for (vaddr at = HEAP; at < f->chunk[MANY] + 32; at += f->shape.width)
		put(f, at, random_word(f));
	for (uint32_t i = 0; i < MANY; i += 1000)
		f->root[f->nroots++] = i;
}

static bool has_link(const struct fixture *f, uint32_t i)
{
	return usable(f, i) >= f->shape.link + f->shape.width;
}

static void link_to(struct fixture *f, uint32_t from, uint32_t to)
{
	put(f, f->chunk[from] + CHUNK_HEADER + f->shape.link, f->chunk[to] + CHUNK_HEADER);
}

/* Blocks in use, at random; in front those that have room for the link. Their number. */
static uint32_t shuffle(const struct fixture *f, uint32_t *block, uint32_t *with_link)
{
	uint32_t n = 0, first = 0;

	for (uint32_t i = 0; i < MANY; i++)
		if (bit_get(f->heap.used, i))
			block[n++] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(rnd() % (i + 1)), was = block[i];

		block[i] = block[j];
		block[j] = was;
	}
	for (uint32_t i = 0; i < n; i++)
		if (has_link(f, block[i])) {
			uint32_t was = block[first];

			block[first++] = block[i];
			block[i] = was;
		}
	*with_link = first;
	return n;
}

/*
 * Of five equal parts of the blocks: the first two are a list, on which the third one, whose head
 * nothing points to, runs into its middle. It goes on in the fourth, which is a ring; every other
 * block of that has one more with it. Between them is a block that is too short for a link, and
 * behind it, where it would be, is one to the fifth part: a list, too. A root points into the first
 * list as well.
 */
static void fill_lists(struct fixture *f)
{
	uint32_t *b = calloc(MANY, sizeof(*b)), n, all, part;

	all = shuffle(f, b, &n);
	part = n / 5;
	for (uint32_t i = 0; i < n; i++)
		link_to(f, b[i], b[i + 1 < n ? i + 1 : 0]);
	link_to(f, b[3 * part - 1], b[part]);
	link_to(f, b[4 * part - 1], b[3 * part]);
	link_to(f, b[2 * part - 1], b[3 * part]);
	if (n < all) {
		link_to(f, b[2 * part - 1], b[n]);
		link_to(f, b[n], b[4 * part]);
		put(f, f->chunk[b[n]] + CHUNK_HEADER, f->chunk[b[3 * part]] + CHUNK_HEADER);
	}
	for (uint32_t i = 3 * part; i < 4 * part && n + 1 + i < all; i += 2)
		put(f, f->chunk[b[i]] + CHUNK_HEADER, f->chunk[b[n + 1 + i]] + CHUNK_HEADER);
	bit_clear(f->heap.used, b[3 * part + part / 2]);
	f->root[f->nroots++] = b[0];
	f->root[f->nroots++] = b[part / 2];
	free(b);
}

static void fill(struct fixture *f)
{
	if (f->shape.lists)
		fill_lists(f);
	else
		fill_random(f);
	for (uint32_t i = 0; i <= MANY; i++) /* the last: a fence */
		put(f, f->chunk[i] + f->span.size_at,
		    i < MANY ? (f->chunk[i + 1] - f->chunk[i]) | 1 : 1);
}

static void open_fixture(struct fixture *f, const struct shape *shape)
{
	size_t words = MANY / 64 + 1;

	*f = (struct fixture){ .shape = *shape };
	make_chunks(f);
	make_span(f);
	f->seg = (struct segment){
		.start = HEAP, .mem = f->mem, .flags = SEG_R | SEG_W, .file = -1
	};
	f->seg.end = f->seg.saved_end = f->seg.meant_end = f->seg.run_end = f->chunk[MANY] + 64;
	f->core.machine = machine_of(shape->width == 8 ? MACHINE_X86_64 : MACHINE_I386);
	f->core.seg = &f->seg;
	f->core.nseg = 1;
	f->core.page_size = 4096;
	f->heap = (struct heap){ .span = &f->span,
		                 .nspans = 1,
		                 .align = shape->align,
		                 .nchunks = MANY,
		                 .ncells = f->span.ncells,
		                 .bits_bytes = words * 8 };
	f->heap.used = calloc(words, 8);
	f->heap.slot = calloc(1u << 21, sizeof(*f->heap.slot));
	for (uint64_t k = HEAP >> HEAP_SLOT_SHIFT; k <= f->span.end >> HEAP_SLOT_SHIFT; k++)
		f->heap.slot[k] = 1;
	f->left = calloc(words, 8);
	f->touched = calloc(words, 8);
	for (uint32_t i = 0; i < MANY; i++)
		if (rnd() % 10)
			bit_set(f->heap.used, i);
	f->root = calloc(MANY, sizeof(*f->root));
	fill(f);
}

static void close_fixture(struct fixture *f)
{
	free(f->chunk);
	free(f->mem);
	free(f->span.cell);
	free(f->heap.used);
	free(f->heap.slot);
	free(f->left);
	free(f->touched);
	free(f->root);
}

/* The block that v points to; MANY: none. */
static uint32_t pointed(const struct fixture *f, uint64_t v, bool *exact)
{
	uint32_t lo = 0, hi = MANY;

	if (v < HEAP + CHUNK_HEADER)
		return MANY;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (f->chunk[mid] + CHUNK_HEADER <= v)
			lo = mid;
		else
			hi = mid;
	}
	*exact = v == f->chunk[lo] + CHUNK_HEADER;
	return v < f->chunk[lo] + CHUNK_HEADER + usable(f, lo) ? lo : MANY;
}

static void want_word(const struct fixture *f, struct wanted *w, bool noting, uint64_t word,
                      size_t *depth)
{
	bool exact = false;
	uint32_t i = pointed(f, word, &exact);

	if (i == MANY || !bit_get(f->heap.used, i) || w->visited[i])
		return;
	if (noting && !exact) {
		w->touched[i] = true;
		return;
	}
	w->visited[i] = true;
	w->stack[(*depth)++] = i;
}

/* Follows what is on the stack, block by block, word by word. */
static void want_all(const struct fixture *f, struct wanted *w, bool noting, size_t depth)
{
	while (depth) {
		uint32_t i = w->stack[--depth];
		vaddr at = f->chunk[i] + CHUNK_HEADER, end = at + usable(f, i);

		w->sum.blocks++;
		w->sum.bytes += usable(f, i);
		for (; at + f->shape.width <= end; at += f->shape.width)
			want_word(f, w, noting, get(f, at), &depth);
	}
}

static void compare(const struct fixture *f, const struct wanted *w, const struct tally *sum,
                    bool noting)
{
	size_t visited = 0, touched = 0, many = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		bool left = bit_get(f->left, i);

		if (!bit_get(f->heap.used, i))
			continue;
		visited += left == w->visited[i];
		many += w->visited[i];
		/* of those that are left in the end: others may have been touched before */
		touched += noting && left && bit_get(f->touched, i) != w->touched[i];
	}
	assert_int_equal(visited, 0);
	assert_int_equal(touched, 0);
	assert_int_equal(sum->blocks, w->sum.blocks);
	assert_int_equal(sum->bytes, w->sum.bytes);
	assert_true(noting || many > MANY / (f->shape.lists ? 3 : 2)); /* it hangs together */
}

static void check_shape(const struct shape *shape)
{
	struct fixture f;
	struct marker *m;
	struct wanted w;
	struct tally sum = { 0 };
	size_t depth = 0;

	open_fixture(&f, shape);
	w = (struct wanted){ .visited = calloc(MANY, sizeof(bool)),
		             .touched = calloc(MANY, sizeof(bool)),
		             .stack = calloc(MANY, sizeof(uint32_t)) };
	m = mark_open(&f.core, &f.heap, shape->threads);
	mark_leave(m, f.heap.used);
	mark_pass(m, f.touched, &sum);
	for (size_t i = 0; i < f.nroots; i++) {
		mark_word(m, f.chunk[f.root[i]] + CHUNK_HEADER);
		want_word(&f, &w, true, f.chunk[f.root[i]] + CHUNK_HEADER, &depth);
	}
	mark_drain(m);
	want_all(&f, &w, true, depth);
	mark_left(m, f.left);
	compare(&f, &w, &sum, true);

	/* from what was touched, any pointer holds */
	mark_pass(m, NULL, &sum);
	mark_blocks(m, f.touched);
	depth = 0;
	for (uint32_t i = 0; i < MANY; i++)
		if (bit_get(f.left, i) && w.touched[i])
			want_word(&f, &w, false, f.chunk[i] + CHUNK_HEADER, &depth);
	mark_drain(m);
	want_all(&f, &w, false, depth);
	memset(f.left, 0, f.heap.bits_bytes);
	mark_left(m, f.left);
	compare(&f, &w, &sum, false);
	assert_int_equal(mark_unread(m), 0);

	mark_close(m);
	close_fixture(&f);
	free(w.visited);
	free(w.touched);
	free(w.stack);
}

static void test_shapes(void **unused)
{
	static const struct shape shapes[] = {
		{ 8, 16, 0, false, 1, false, 0 }, { 8, 16, 0, false, 3, false, 0 },
		{ 8, 16, 0, true, 1, false, 0 },  { 4, 16, 0, false, 1, false, 0 },
		{ 4, 16, 0, false, 3, false, 0 }, { 4, 8, 0, false, 1, false, 0 },
		{ 4, 8, 0, true, 3, false, 0 },   { 8, 16, 8, false, 1, false, 0 },
		{ 8, 16, 8, false, 3, false, 0 }, { 8, 16, 0, false, 1, true, 0 },
		{ 8, 16, 0, false, 1, true, 40 }, { 8, 16, 0, true, 1, true, 16 },
		{ 4, 8, 0, false, 1, true, 24 },  { 4, 16, 0, false, 2, true, 0 },
		{ 8, 16, 8, false, 1, true, 32 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		print_message("words of %u, aligned to %u, %u apart%s, %u threads%s\n",
		              shapes[i].width, shapes[i].align, shapes[i].apart,
		              shapes[i].pieces ? ", in pieces" : "", shapes[i].threads,
		              shapes[i].lists ? ", lists" : "");
		check_shape(&shapes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
