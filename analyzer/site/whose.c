#include "analyzer/site/whose.h"

#include "formats/wordrun.h"

struct spread {
	const struct site_classes *classes;
	struct site_whose *out;
	vaddr *queue; /* starts of blocks that are reached, the nearest first */
	uint32_t n, most;
};

/* The starts of blocks in [at, end) that nothing led to before. */
static void reach_from(struct spread *s, vaddr at, vaddr end, uint8_t whose)
{
	const struct site_classes *c = s->classes;
	struct wordrun run = wordruns(c->core, at, end);

	while (wordrun_next(&run)) {
		for (uint64_t i = 0; i + 8 <= run.bytes; i += 8) {
			uint64_t word = load64(run.mem + i);
			struct block b;

			if (word < c->lowest || word >= c->highest ||
			    !heap_find(c->heap, word, &b) || b.addr != word ||
			    b.state != BLOCK_USED || b.id >= c->heap->nchunks ||
			    s->out->of[b.id] != WHOSE_NOBODY || s->n == s->most)
				continue;
			s->out->of[b.id] = whose;
			s->queue[s->n++] = word;
		}
	}
}

void site_whose_make(const struct site_classes *classes, const struct module *const *module,
                     size_t n, struct site_whose *out)
{
	struct spread s = { .classes = classes, .out = out, .most = classes->heap->nchunks };

	out->bytes = (uint64_t)classes->heap->nchunks + 1;
	out->of = mem_lazy(out->bytes);
	memset(out->of, WHOSE_NOBODY, out->bytes);
	s.queue = mem_alloc((size_t)s.most + 1, sizeof(*s.queue));
	for (size_t i = 0; i < n && i < WHOSE_NOBODY; i++)
		if (module[i])
			reach_from(&s, module[i]->data_start, module[i]->data_end, (uint8_t)i);
	for (uint32_t i = 0; i < s.n; i++) {
		struct block b;

		if (heap_find(classes->heap, s.queue[i], &b))
			reach_from(&s, b.addr, b.addr + b.size, out->of[b.id]);
	}
	mem_free(s.queue);
}

void site_whose_free(struct site_whose *whose)
{
	if (whose->of)
		mem_lazy_free(whose->of, whose->bytes);
	*whose = (struct site_whose){ 0 };
}
