#include "analyzer/code/codeword.h"

#include "formats/wordrun.h"

#include <stdlib.h>

#define WORDS_MOST 65536

typedef void each_word(struct site_codewords *words, vaddr at, uint64_t word);

static void look(struct site_codewords *words, vaddr start, vaddr end, each_word *each)
{
	struct wordrun run = wordruns(words->core, start, end);

	while (wordrun_next(&run))
		for (uint64_t i = 0; i + 8 <= run.bytes; i += 8)
			each(words, run.at + i, load64(run.mem + i));
}

static void look_all(struct site_codewords *words, each_word *each)
{
	struct heap_iter it = { 0 };
	uint64_t looked = 0;
	struct block b;

	for (size_t i = 0; i < words->modules->n; i++) {
		const struct module *m = &words->modules->v[i];

		if (!module_is_runtime(m))
			look(words, m->data_start, m->data_end, each);
	}
	while (looked < CODEWORDS_LOOKED && heap_next(words->heap, &it, &b)) {
		if (b.state != BLOCK_USED)
			continue;
		looked += b.size;
		look(words, b.addr,
		     b.addr + (b.size < CODEWORDS_LOOKED ? b.size : CODEWORDS_LOOKED), each);
	}
}

static void keep_code(struct site_codewords *words, vaddr at, uint64_t word)
{
	const struct module *m = module_at(words->modules, word);

	if (m && (word < m->data_start || word >= m->data_end) && words->n < WORDS_MOST)
		words->v[words->n++] = (struct site_codeword){ at, word, 0 };
}

static int by_at(const void *a, const void *b)
{
	const struct site_codeword *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

void site_codewords_make(const struct core *core, const struct heap *heap,
                         const struct modules *modules, struct site_codewords *out)
{
	*out = (struct site_codewords){ .core = core, .heap = heap, .modules = modules };
	out->v = mem_alloc(WORDS_MOST, sizeof(*out->v));
	look_all(out, keep_code);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_at);
}

void site_codewords_free(struct site_codewords *words)
{
	mem_free(words->v);
	*words = (struct site_codewords){ 0 };
}

static void note_base(struct site_codewords *words, vaddr at, uint64_t word)
{
	(void)at;
	if (word % 8 || word > words->v[words->n - 1].at || word + WORD_REACH <= words->v[0].at)
		return;
	for (size_t i = first_where(k, 0, words->n, words->v[k].at >= word);
	     i < words->n && words->v[i].at - word < WORD_REACH; i++)
		words->v[i].behind |= UINT64_C(1) << (words->v[i].at - word) / 8;
}

void site_codewords_bases(struct site_codewords *words)
{
	if (words->based)
		return;
	words->based = true;
	if (words->n)
		look_all(words, note_base);
}
