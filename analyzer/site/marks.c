#include "analyzer/site/marks.h"

#include "analyzer/site/score.h"

#define MARKS_MOST (1u << 20)
#define SMALL      255

static uint64_t key_of(uint64_t usable, uint64_t offset, unsigned width, uint64_t value)
{
	uint64_t h = usable;

	h = (h ^ offset << 4 ^ width) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29 ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return (h ^ h >> 29) | 1;
}

static size_t slot_of(const struct site_marks *m, uint64_t key)
{
	size_t i = (size_t)(key >> 20) & (m->nslots - 1);

	while (m->slot[i] && m->slot[i] != key)
		i = (i + 1) & (m->nslots - 1);
	return i;
}

static void grow(struct site_marks *m)
{
	struct site_marks old = *m;

	m->nslots = old.nslots ? old.nslots * 2 : 1024;
	m->slot = mem_alloc(m->nslots, sizeof(*m->slot));
	for (size_t i = 0; i < old.nslots; i++)
		if (old.slot[i])
			m->slot[slot_of(m, old.slot[i])] = old.slot[i];
	mem_free(old.slot);
}

static void add(struct site_marks *m, uint64_t key)
{
	size_t i;

	if (m->n >= MARKS_MOST)
		return;
	if (m->n * 2 >= m->nslots)
		grow(m);
	i = slot_of(m, key);
	m->n += !m->slot[i];
	m->slot[i] = key;
}

static size_t words_slot(const struct site_marks *m, uint64_t usable)
{
	size_t i = (size_t)(usable * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (m->cap - 1);

	while (m->words[i].size && m->words[i].size != usable)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static void add_word(struct site_marks *m, uint64_t usable, const struct site_store *s)
{
	struct mark_words *at;

	if (s->offset / 8 >= 64 || s->kind == STORE_ZERO || s->moved ||
	    (s->kind == STORE_CONST && !s->value) || m->nwords >= MARKS_MOST)
		return;
	if (m->nwords * 2 >= m->cap) {
		struct site_marks old = *m;

		m->cap = old.cap ? old.cap * 2 : 256;
		m->words = mem_alloc(m->cap, sizeof(*m->words));
		for (size_t i = 0; i < old.cap; i++)
			if (old.words[i].size)
				m->words[words_slot(m, old.words[i].size)] = old.words[i];
		mem_free(old.words);
	}
	at = &m->words[words_slot(m, usable)];
	m->nwords += !at->size;
	at->size = usable;
	at->bits |= UINT64_C(1) << s->offset / 8;
}

uint64_t site_marks_words(const struct site_marks *marks, uint64_t usable)
{
	return marks->nwords ? marks->words[words_slot(marks, usable)].bits : 0;
}

void site_marks_add(struct site_marks *marks, const struct site_index *index)
{
	for (size_t i = 0; i < index->n; i++) {
		const struct site_entry *e = &index->v[i];

		for (uint32_t j = 0; e->size == SITE_FIXED && j < e->nstores; j++) {
			const struct site_store *s = &index->store[e->store + j];

			add_word(marks, fit_usable((uint64_t)e->add), s);
			if (s->kind == STORE_CONST && s->value > SMALL && s->width >= 4)
				add(marks, key_of(fit_usable((uint64_t)e->add), s->offset, s->width,
				                  s->value));
		}
	}
}

bool site_marks_has(const struct site_marks *marks, uint64_t usable, uint64_t offset,
                    unsigned width, uint64_t value)
{
	return marks->n && marks->slot[slot_of(marks, key_of(usable, offset, width, value))];
}

void site_marks_free(struct site_marks *marks)
{
	mem_free(marks->slot);
	mem_free(marks->words);
	*marks = (struct site_marks){ 0 };
}
