/*
 * Does a block look as the site leaves it? Each offset that the site stores to is one question; the
 * answer counts by how much more often blocks of the site would give it than others of the size do.
 */
#include "analyzer/site/score.h"

#include <math.h>

#define OTHERS   24  /* samples of other classes of the size that are the background */
#define WORDS    128 /* words of a block that are looked at for what calloc left */
#define QUESTION 64  /* offsets of a site that are looked at */

static double log_ratio(double match, double expected, double background)
{
	return match * log(expected / background) +
	       (1 - match) * log((1 - expected) / (1 - background));
}

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

void scorer_reason(struct scorer *scorer, double weight, const char *what, const uint32_t *offset,
                   double share)
{
	if (!scorer->reason || scorer->nreasons == SCORE_REASONS)
		return;
	scorer->reason[scorer->nreasons++] = (struct score_reason){ weight, what,
		                                                    offset ? *offset : 0,
		                                                    offset != NULL, share };
}

/* ---- one store ---- */

struct question {
	const struct score_module *module;
	const struct site_entry *site;
	const struct site_store *store;
	uint32_t n; /* that many, of one offset: any will do */
	uint64_t loaded[8];
	bool late; /* all are */
	bool zero; /* all store a 0 */
	bool open; /* something else may be stored there, too */
};

static bool read_part(const struct class_sample *s, uint32_t offset, unsigned width, uint64_t *v)
{
	*v = 0;
	if (!s->mem || width > 8 || offset > s->len || width > s->len - offset)
		return false;
	memcpy(v, s->mem + offset, width);
	return true;
}

/* How probable is it that what word points to is a block of the site that is stored there? */
static double child_fits(struct scorer *scorer, const struct question *q,
                         const struct site_store *store, uint64_t word)
{
	const struct site_index *index = &q->module->index;
	const struct site_entry *child;
	struct block b;

	if (store->value >= index->n || !heap_find(scorer->classes->heap, word, &b) ||
	    b.state != BLOCK_USED || word - b.addr != (uint64_t)store->add)
		return 0;
	child = &index->v[store->value];
	if (!fit_can(child, b.size))
		return 0;
	if (child->size == SITE_TEXT) {
		uint64_t len = 0, length;
		const uint8_t *mem = core_bytes(scorer->core, b.addr, &len);

		if (mem && !site_text_at(scorer->core, mem, len < b.size ? len : b.size, &length))
			return 0.1;
	}
	return scorer_share(scorer, &b, q->module->first + (uint32_t)store->value);
}

static bool is_pointer(enum site_word kind)
{
	return kind == WORD_START || kind == WORD_INTERIOR || kind == WORD_STATIC;
}

/* A part of an address is no number, though it may have any value: where the kernel put things
 * decides that. */
static bool in_address(const struct scorer *scorer, const struct class_sample *s,
                       const struct site_store *store)
{
	uint64_t word;

	if (store->width >= 8 || !read_part(s, store->offset & ~7u, 8, &word) || !word)
		return false;
	return site_word_address(scorer->classes->core, word) ||
	       is_pointer(site_word_kind(scorer->classes, word));
}

static double store_matches(struct scorer *scorer, const struct question *q, uint32_t i,
                            const struct class_sample *s, bool *known)
{
	const struct site_store *store = &q->store[i];
	uint64_t word;

	if (store->kind == STORE_OTHER || store->kind == STORE_ZERO ||
	    !read_part(s, store->offset, store->width, &word))
		return false;
	*known = true;
	if (store->kind == STORE_CONST && !store->value && store->width == 8 && word &&
	    is_pointer(site_word_kind(scorer->classes, word)))
		return q->zero; /* a NULL that was there to be replaced; a number is no NULL */
	if (store->kind == STORE_BLOCK && &q->module->index.v[store->value] == q->site &&
	    word - s->addr >= s->len && is_pointer(site_word_kind(scorer->classes, word)))
		*known = false; /* an empty list's own address, which was replaced */
	switch (store->kind) {
	case STORE_CONST:
		return word == store->value && !in_address(scorer, s, store);
	case STORE_ADDR:
		return word == store->value + q->module->module->bias;
	case STORE_LOADED:
		return i < 8 && q->loaded[i] && word == q->loaded[i] + (uint64_t)store->add;
	default:
		return child_fits(scorer, q, store, word);
	}
}

static bool is_address(const struct site_store *s)
{
	return s->kind == STORE_ADDR || s->kind == STORE_LOADED;
}

/* A zero that an address was stored over, or might have been, says neither. */
static double matches(struct scorer *scorer, const struct question *q, const struct class_sample *s,
                      bool *known)
{
	double best = 0, zero = 0;
	bool address = false;

	for (uint32_t i = 0; i < q->n; i++) {
		const struct site_store *store = &q->store[i];
		double match = store_matches(scorer, q, i, s, known);

		address = address || is_address(store);
		if (store->kind == STORE_CONST && !store->value)
			zero = match > zero ? match : zero;
		else
			best = match > best ? match : best;
	}
	if (address && zero > best)
		*known = false;
	return zero > best ? zero : best;
}

/* What to expect: of the site's blocks, and the least and most that may be said of others. */
struct expectation {
	double own, low, high;
};

static struct expectation expect(const struct question *q)
{
	struct expectation e = { 0.6, 0.4, 0.95 };

	for (uint32_t i = 0; i < q->n; i++) {
		const struct site_store *s = &q->store[i];

		if (is_address(s))
			return (struct expectation){ s->late ? 0.8 : 0.93, 0.002, 0.1 };
		if (s->kind == STORE_BLOCK)
			e = (struct expectation){ s->late ? 0.75 : 0.88, 0.1, 0.4 };
		if (s->kind == STORE_CONST && s->value) {
			if (s->value > 255 && e.low > 0.03)
				e = (struct expectation){ 0.75, 0.01, 0.3 };
			else if (e.low > 0.05)
				e = (struct expectation){ 0.6, 0.05, 0.6 };
		}
	}
	return e;
}

/* Of blocks of the same size in other classes: how many agree by chance? */
static double background(struct scorer *scorer, uint32_t class, const struct question *q,
                         const struct expectation *e)
{
	const struct site_classes *c = scorer->classes;
	uint64_t size = c->v[class].size;
	double agree = 0, seen = 0;
	size_t i = first_where(k, 0, scorer->nsized, c->v[scorer->by_size[k]].size >= size);

	for (; i < scorer->nsized && c->v[scorer->by_size[i]].size == size && seen < OTHERS; i++) {
		const struct site_class *other = &c->v[scorer->by_size[i]];
		bool known = false;
		double same;

		if (scorer->by_size[i] == class || !other->nsamples)
			continue;
		same = matches(scorer, q, &other->sample[0], &known);
		seen += known;
		agree += known ? same : 0;
	}
	return clamp((agree + 2 * e->low) / (seen + 2), e->low, e->high);
}

static void load_slots(const struct scorer *scorer, struct question *q)
{
	for (uint32_t i = 0; i < q->n && i < 8; i++) {
		q->loaded[i] = 0;
		if (q->store[i].kind == STORE_LOADED &&
		    !core_read64(scorer->core, q->store[i].value + q->module->module->bias,
		                 &q->loaded[i]))
			q->loaded[i] = 0;
	}
}

static const char *words_for(const struct question *q)
{
	for (uint32_t i = 0; i < q->n; i++) {
		if (is_address(&q->store[i]))
			return "holds the address that is stored there";
		if (q->store[i].kind == STORE_BLOCK)
			return "points to a block of a size that is stored there";
	}
	return "holds the number that is stored there";
}

/*
 * The site stores there what its code does not tell; the blocks all have one and the same address
 * of a module there, a vtable's as a rule. It may well be what is stored. Once: what fills a block
 * from elsewhere stores all of it untold, and would be as likely for anything.
 */
static double untold(struct scorer *scorer, uint32_t class, const struct question *q)
{
	const struct site_class *c = &scorer->classes->v[class];
	uint64_t first = 0, word;

	if (scorer->untold)
		return 0;
	for (unsigned i = 0; i < c->nsamples; i++) {
		if (q->store[0].width != 8 ||
		    !read_part(&c->sample[i], q->store[0].offset, 8, &word) || (i && word != first))
			return 0;
		first = word;
	}
	if (!c->nsamples || site_word_kind(scorer->classes, first) != WORD_STATIC ||
	    heap_owner(scorer->classes->heap, first))
		return 0; /* none, or malloc's: its links stay behind in what was free before */
	if (q->module->foreign && module_at(scorer->classes->modules, first) != q->module->module)
		return 0; /* a language's library knows no address of a program's */
	scorer->untold = true;
	scorer_reason(scorer, SCORE_UNTOLD,
	              "holds an address, and the site stores there what is not told",
	              &q->store[0].offset, 1);
	return SCORE_UNTOLD;
}

static void ask(struct scorer *scorer, uint32_t class, struct question *q, struct class_answer *out)
{
	const struct site_class *c = &scorer->classes->v[class];
	struct expectation e = expect(q);
	double agree = 0, common;

	out->seen = out->llr = out->share = 0;
	load_slots(scorer, q);
	for (unsigned i = 0; i < c->nsamples; i++) {
		bool known = false;
		double match;

		match = matches(scorer, q, &c->sample[i], &known);
		agree += known ? match : 0;
		out->seen += known;
	}
	if (out->seen < 0.5)
		return;
	out->share = agree / out->seen;
	if (q->open)
		e.own = e.own * 0.6 + 0.05;
	common = background(scorer, class, q, &e);
	if (q->late && out->share < common)
		return;     /* one of many callers may have done that */
	if (e.own < common) /* what all blocks have speaks for none, what they lack not either */
		e.own = common;
	out->llr = log_ratio(out->share, e.own, common);
	if (q->zero && out->llr < 0) /* what begins as 0 becomes something else, and most do
	                                together */
		out->llr *= 0.4;
}

/*
 * Many sites store the same numbers at the same place. False: the answer depends on more than this
 * key and the class.
 */
static bool key_of(const struct question *q, uint32_t class, uint64_t key[4])
{
	uint64_t form[2] = { 0 };

	if (q->n > 2)
		return false;
	key[1] = q->store[0].offset | (uint64_t)q->late << 32 | (uint64_t)q->open << 33 |
	         (uint64_t)q->zero << 34 | (uint64_t)q->n << 35;
	key[2] = key[3] = 0;
	for (uint32_t i = 0; i < q->n; i++) {
		const struct site_store *s = &q->store[i];

		if (s->kind != STORE_CONST && s->kind != STORE_OTHER && s->kind != STORE_ZERO)
			return false;
		form[i] = s->kind | (uint64_t)s->width << 3;
		key[2 + i] = s->kind == STORE_CONST ? s->value : 0;
	}
	key[1] |= form[0] << 40;
	key[0] = (class + UINT64_C(1)) | form[1] << 40;
	return true;
}

static double answer(struct scorer *scorer, uint32_t class, struct question *q)
{
	uint64_t key[4] = { 0 }, h = 0;
	struct class_answer here, *a = &here;

	if (key_of(q, class, key)) {
		for (unsigned i = 0; i < 4; i++)
			h = (h ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		a = &scorer->answers[h >> 32 & (CLASS_ANSWERS - 1)];
	}
	if (a == &here || memcmp(a->key, key, sizeof(key)) != 0) {
		ask(scorer, class, q, a);
		memcpy(a->key, key, sizeof(key));
	}
	if (a->seen < 0.5)
		return untold(scorer, class, q);
	if (a->llr > 0 || a->llr < 0)
		scorer_reason(scorer, a->llr, words_for(q), &q->store[0].offset, a->share);
	return a->llr;
}

/* Do all samples hold the number that is stored there? */
static bool all_hold(const struct site_class *c, const struct site_store *store)
{
	uint64_t word;

	for (unsigned i = 0; i < c->nsamples; i++)
		if (!read_part(&c->sample[i], store->offset, store->width, &word) ||
		    word != store->value)
			return false;
	return c->nsamples > 0;
}

bool match_numbers(const struct scorer *scorer, uint32_t class, uint32_t site,
                   const struct block *block)
{
	const struct score_module *m;
	const struct site_entry *e = scorer_site(scorer, site, &m);
	struct class_sample s = { .addr = block->addr };
	uint64_t len = 0, word;

	s.mem = core_bytes(scorer->core, block->addr, &len);
	s.len = (uint32_t)(len < block->size ? len : block->size);
	for (uint32_t i = 0; i < e->nstores; i++) {
		const struct site_store *store = &m->index.store[e->store + i];

		if (store->kind == STORE_CONST && store->value &&
		    read_part(&s, store->offset, store->width, &word) && word != store->value &&
		    all_hold(&scorer->classes->v[class], store))
			return false;
	}
	return true;
}

/* ---- what calloc left ---- */

static double share_zero(const struct class_sample *s, const bool *covered)
{
	unsigned zero = 0, seen = 0;

	for (unsigned i = 0; i < WORDS && s->mem && 8 * (i + 1) <= s->len; i++) {
		if (covered[i])
			continue;
		seen++;
		zero += load64(s->mem + 8 * i) == 0;
	}
	return seen ? (double)zero / seen : -1;
}

/* What lies behind the bytes that the site asks for is written by nobody: mostly zero, too. */
static double match_slack(struct scorer *scorer, uint32_t class, const struct site_entry *site)
{
	const struct site_class *c = &scorer->classes->v[class];
	uint64_t from = round_up((uint64_t)site->add, 8);
	double zero = 0, llr;
	unsigned seen = 0;

	if (site->size != SITE_FIXED || from + 8 > c->size || site->flags & SITE_LOOSE)
		return 0;
	for (unsigned i = 0; i < c->nsamples; i++) {
		const struct class_sample *s = &c->sample[i];

		if (!s->mem || from + 8 > s->len)
			continue;
		seen++;
		zero += load64(s->mem + from) == 0;
	}
	if (!seen)
		return 0;
	llr = log_ratio(zero / seen, 0.85, 0.5);
	scorer_reason(scorer, llr, "is zero behind what the site asks for", NULL, zero / seen);
	return llr;
}

/* Words that nothing is stored to stay zero where calloc was asked. */
static double match_zeroes(struct scorer *scorer, uint32_t class, const struct site_entry *site,
                           const bool *covered)
{
	const struct site_class *c = &scorer->classes->v[class];
	double zero = 0, llr;
	unsigned seen = 0;

	if (!(site->flags & SITE_ZEROED))
		return 0;
	for (unsigned i = 0; i < c->nsamples; i++) {
		double share = share_zero(&c->sample[i], covered);

		if (share < 0)
			continue;
		zero += share;
		seen++;
	}
	if (!seen)
		return 0;
	llr = log_ratio(zero / seen, 0.7, 0.4);
	if (!site->nstores && llr < 0) /* others fill it, it is not known where */
		return 0;
	scorer_reason(scorer, llr, "is zero where nothing is stored, as calloc leaves it", NULL,
	              zero / seen);
	return llr;
}

double match_stores(struct scorer *scorer, uint32_t class, const struct score_module *module,
                    const struct site_entry *site)
{
	const struct site_store *store = module->index.store + site->store;
	uint64_t size = scorer->classes->v[class].size;
	bool covered[WORDS] = { 0 };
	double sum = 0;
	unsigned asked = 0;

	scorer->untold = false;
	for (uint32_t i = 0, next; i < site->nstores; i = next) {
		struct question q = { .module = module,
			              .site = site,
			              .store = &store[i],
			              .late = true,
			              .zero = true };

		for (next = i; next < site->nstores && store[next].offset == store[i].offset;
		     next++) {
			q.open = q.open || store[next].kind == STORE_OTHER;
			q.late = q.late && store[next].late;
			q.zero = q.zero && store[next].kind == STORE_CONST && !store[next].value;
			q.n++;
		}
		if (store[i].offset >= size && !store[i].late && store[i].width)
			return sum - (site->size == SITE_FIXED ? 4 : 2); /* it would write beyond */
		if (store[i].offset >=
		    size) /* mistaken for one of its stores, or not always done */
			break;
		if (store[i].offset / 8 < WORDS)
			covered[store[i].offset / 8] = true;
		if (asked++ < QUESTION)
			sum += answer(scorer, class, &q);
	}
	return sum + match_zeroes(scorer, class, site, covered) + match_slack(scorer, class, site);
}
