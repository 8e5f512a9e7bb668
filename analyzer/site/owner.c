#include "analyzer/site/owner.h"

#include "analyzer/site/holder.h"

#define STEPS 3                     /* from a block to its owner */
#define MOST  48                    /* blocks of a group that are looked at */
#define SEEN  (UINT64_C(256) << 20) /* bytes of blocks; once there are more, no step is made */

struct owners {
	struct analysis *a;
	struct sites *sites;
	struct site_holders holders;
	struct pool pool;
};

/* What is known of an owner without looking at other ones. */
struct known {
	struct block block;
	const char *type;
	const struct origin *origin;
	const char *name; /* what owners of one kind have in common */
};

struct owners *owners_make(struct analysis *a, struct sites *sites)
{
	struct owners *o = mem_alloc(1, sizeof(*o));
	const struct reach *reach = sites_whole(a) ? NULL : analysis_reach(a);

	o->a = a;
	o->sites = sites;
	analysis_types(a);
	analysis_origins(a);
	site_holders_init(a->core, analysis_heap(a), analysis_modules(a), reach, &o->holders);
	return o;
}

void owners_free(struct owners *owners)
{
	if (!owners)
		return;
	site_holders_free(&owners->holders);
	pool_free(&owners->pool);
	mem_free(owners);
}

static const char *type_name(const struct owners *o, uint32_t id)
{
	const struct type *t = types_of(o->a->types, id);

	return t && type_own(t) ? t->name : NULL;
}

/* Is it known what this block is, or where it was allocated? */
static bool know(struct owners *o, const struct block *b, struct known *out)
{
	const struct site_guess *g;

	*out = (struct known){ .block = *b, .type = type_name(o, b->id) };
	out->origin = origin_of(o->a->origins, b->addr);
	out->name = out->type ? out->type : out->origin ? out->origin->text : NULL;
	if (out->name)
		return true;
	g = sites_of(o->sites, b);
	if (g && g->likely)
		out->name = site_text(o->sites, &g->list[0]);
	return out->name != NULL;
}

/* The first known one on the way up; lists hold more of their own kind. */
static bool owner_of(struct owners *o, const struct block *block, struct known *out)
{
	const char *own = type_name(o, block->id);
	struct block b = *block;

	for (unsigned i = 0; i < STEPS; i++) {
		if (!site_holder_of(&o->holders, b.id, &b))
			return false;
		if (know(o, &b, out) && !(own && out->type && !strcmp(own, out->type)))
			return b.id != block->id;
	}
	return false;
}

void owners_seek(struct owners *o, const uint32_t *id, size_t n)
{
	uint32_t *next = mem_alloc(n + 1, sizeof(*next));
	struct known known;

	memcpy(next, id, n * sizeof(*next));
	for (unsigned step = 0; step < STEPS && n && o->holders.seen < SEEN; step++) {
		size_t left = 0;

		site_holders_seek(&o->holders, next, n);
		for (size_t i = 0; i < n && step + 1 < STEPS; i++) {
			struct block b;

			if (site_holder_of(&o->holders, next[i], &b) && !know(o, &b, &known))
				next[left++] = b.id;
		}
		n = left;
	}
	mem_free(next);
}

/* The kind that most are of, as their number; the first of them goes in front. */
static size_t most_of(struct known *v, size_t n)
{
	const char *best = NULL;
	size_t most = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t same = 0;

		for (size_t j = 0; j < n; j++)
			same += !strcmp(v[i].name, v[j].name);
		if (same > most || (same == most && strcmp(v[i].name, best) < 0)) {
			best = v[i].name;
			most = same;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, best))
			v[kept++] = v[i];
	return kept;
}

/* Where all of them were allocated, also as text; NULL: not known. */
static const char *put_site(struct owners *o, const struct known *v, size_t n,
                            struct report_owner *out)
{
	struct block block[MOST];
	struct site_guess g;

	out->site = (struct report_site){ .line = ABSENT, .offset = ABSENT };
	out->site_confidence = -1;
	for (size_t i = 0; i < n; i++) {
		block[i] = v[i].block;
		if (!v[i].origin != !v[0].origin ||
		    (v[0].origin && strcmp(v[i].origin->text, v[0].origin->text) != 0))
			return NULL;
	}
	if (v[0].origin) {
		out->site = v[0].origin->site;
		out->site_method = v[0].origin->method;
		return v[0].origin->text;
	}
	if (!sites_of_group(o->sites, block, n, &g) || !g.likely)
		return NULL;
	out->site = (struct report_site){ g.list[0].function, g.list[0].file, g.list[0].module,
		                          g.list[0].line, g.list[0].offset };
	out->site_method = g.list[0].method;
	out->site_confidence = g.list[0].confidence;
	return site_text(o->sites, &g.list[0]);
}

bool owners_of(struct owners *owners, const struct block *block, size_t n, struct owner *out)
{
	struct known known[MOST];
	size_t of = n < MOST ? n : MOST, found = 0;
	const char *where;

	for (size_t i = 0; i < of; i++)
		found += owner_of(owners, &block[i], &known[found]);
	found = most_of(known, found);
	if (!found || (double)found < OWNER_LEAST * (double)of)
		return false;
	*out = (struct owner){ .who = { known[0].type,
		                        .site = { .line = ABSENT, .offset = ABSENT } },
		               .example = known[0].block.addr };
	out->who.share = (double)found / (double)of;
	where = put_site(owners, known, found, &out->who);
	out->text = known[0].type;
	if (where)
		out->text = pool_printf(&owners->pool, "%s allocated in %s",
		                        known[0].type
		                                ? pool_printf(&owners->pool, "%s,", known[0].type)
		                                : "a block",
		                        where);
	return out->text != NULL;
}

struct owner owner_copy(const struct owner *owner, struct pool *pool)
{
	struct owner to = *owner;

	to.text = pool_copy(pool, to.text);
	to.who.type = pool_copy(pool, to.who.type);
	to.who.site.function = pool_copy(pool, to.who.site.function);
	to.who.site.file = pool_copy(pool, to.who.site.file);
	to.who.site.module = pool_copy(pool, to.who.site.module);
	return to;
}
