/*
 * Where debug information tells the types: is it a member that the site stores the address to, of a
 * struct that it has at hand, that points to the blocks?
 */
#include "analyzer/site/score.h"

#include <math.h>

#define TAGS 24 /* of one site that are looked up */

/* Logarithms: it is the struct of a variable, one that such a struct points to, another one. */
#define NEAR   1.6
#define FAR    0.8
#define MISSED (-1.0) /* unless the address is handed on */

static bool listed(const struct site_kind *kind, const struct home *h)
{
	for (unsigned i = 0; i < kind->nhomes; i++)
		if (kind->home[i].offset == h->offset && !strcmp(kind->home[i].name, h->name))
			return true;
	return false;
}

void site_homes_find(struct modules *modules, const struct module *module,
                     const struct site_index *index, const struct site_entry *site,
                     struct site_kind *out)
{
	struct home home[KIND_HOMES];
	unsigned looked = 0;

	for (uint32_t i = 0; i < site->ntags && looked < TAGS; i++) {
		const struct site_tag *tag = &index->tag[site->tag + i];
		size_t n;

		if (tag->global || tag->inner || tag->offset == TAG_ANYWHERE || !tag->at)
			continue;
		looked++;
		n = module_homes(modules, module, tag->at + module->bias, tag->offset, home,
		                 KIND_HOMES);
		for (size_t j = 0; j < n && out->nhomes < KIND_HOMES; j++)
			if (!listed(out, &home[j]))
				out->home[out->nhomes++] = home[j];
	}
}

/* "T[]": the length of T; 0: its members are not known. */
static size_t struct_name(const char *type, bool *array)
{
	size_t n = strlen(type);

	*array = n > 2 && !strcmp(type + n - 2, "[]");
	if (*array)
		n -= 2;
	return n && type[n - 1] != '*' && !strchr(type, ' ') ? n : 0;
}

/* Who points to the blocks of the class: types and offsets, as far as they are known. */
static const struct class_homes *homes_of(struct scorer *scorer, uint32_t class)
{
	const struct class_refs *refs = &scorer->refs->v[class];
	struct class_homes *h = &scorer->homes;

	if (h->class == class + 1)
		return h;
	h->class = class + 1;
	h->n = 0;
	for (uint32_t i = 0; i < refs->n; i++) {
		uint32_t parent = refs->v[i].parent;
		const char *type = parent != CLASS_NONE ? scorer->kind[parent].name : NULL;
		bool array;
		size_t n = type ? struct_name(type, &array) : 0;

		if (n)
			h->v[h->n++] = (struct class_home){ type, n, refs->v[i].offset, array };
	}
	return h;
}

/* The debug information's name has no scope: "ns::T" ends with it. */
static bool same_struct(const struct class_home *a, const char *name)
{
	size_t n = strlen(name);

	return a->length >= n && !strncmp(a->type + a->length - n, name, n) &&
	       (a->length == n || a->type[a->length - n - 1] == ':');
}

static double one(const struct class_home *h, const struct site_kind *kind, double missed)
{
	for (unsigned i = 0; i < kind->nhomes; i++) {
		const struct home *home = &kind->home[i];
		uint32_t offset = h->array && home->size ? h->offset % home->size : h->offset;

		if (offset == home->offset && same_struct(h, home->name))
			return home->far ? FAR : NEAR;
	}
	return missed;
}

double match_homes(struct scorer *scorer, uint32_t class, const struct score_module *module,
                   uint32_t site)
{
	const struct site_entry *e = &module->index.v[site];
	const struct class_homes *h;
	const struct site_kind *kind;
	double sum = 0;

	if (!scorer->refs || !e->ntags || module->foreign || (!scorer->round && !scorer->reason))
		return 0;
	h = homes_of(scorer, class);
	kind = h->n ? scorer_kind(scorer, module, site) : NULL;
	if (!kind || !kind->nhomes)
		return 0;
	for (unsigned i = 0; i < h->n; i++)
		sum += one(&h->v[i], kind, e->flags & (SITE_RETURNED | SITE_INSIDE) ? 0 : MISSED);
	sum /= scorer->refs->v[class].n;
	if (fabs(sum) > 0.3)
		scorer_reason(scorer, sum, "is held by a member that the site stores to", NULL, -1);
	return sum;
}
