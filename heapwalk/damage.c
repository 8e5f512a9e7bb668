/*
 * damage: what the walk found wrong, one finding a place, with the block in front of it, and the
 * share of the heap that the walk could rest on sound headers.
 */
#include "heapwalk/walk.h"

#include <stdio.h>

#define FINDINGS_OF_A_CODE 20

void walk_find(struct walk *w, const char *code, vaddr at, bool damage, const char *fmt, ...)
{
	struct heap_finding f = { .code = code, .at = at, .count = 1, .damage = damage };
	struct heap_finding *last = NULL;
	char text[512];
	size_t n = 0;
	va_list ap;

	for (size_t i = 0; i < w->findings.n; i++) {
		struct heap_finding *old = &w->findings.v[i];

		if (strcmp(old->code, code) || old->damage != damage)
			continue;
		last = old;
		n++;
		if (old->at == at)
			break;
	}
	if (last && (last->at == at || n == FINDINGS_OF_A_CODE || !damage)) {
		last->count++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f.message = pool_strndup(&w->heap->pool, text, sizeof(text));
	array_push(&w->findings, f);
}

/* The block whose last word is the one before the header that stands in front of at. */
static void find_front(const struct heap *h, struct heap_finding *f)
{
	struct block b;

	if (f->at < 2 * CHUNK_HEADER ||
	    !(heap_find(h, f->at - CHUNK_HEADER, &b) ||
	      heap_find(h, f->at - CHUNK_HEADER - 1, &b)) ||
	    b.span->kind == SPAN_MMAP || b.addr + block_chunk(&b) != f->at)
		return;
	f->front.addr = b.addr;
	f->front.size = b.size;
	f->front.state = b.state;
}

void damage_finish(struct walk *w)
{
	struct heap *h = w->heap;

	for (size_t i = 0; i < w->findings.n; i++)
		if (w->findings.v[i].damage)
			find_front(h, &w->findings.v[i]);
	for (size_t i = 0; i < h->nspans; i++)
		h->covered += h->span[i].end - h->span[i].start;
	h->covered -= h->repaired < h->covered ? h->repaired : h->covered;
}
