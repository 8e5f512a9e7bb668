#include "analyzer/site/kind.h"

#include "analyzer/site/place.h"
#include "analyzer/site/score.h"
#include "formats/alloctype.h"

#include <math.h>

/* Headers of libstdc++ that ask for nodes and buffers. */
static enum site_holds held_by_file(const char *file)
{
	static const struct {
		const char *name;
		enum site_holds is;
	} files[] = {
		{ "stl_tree.h", HOLDS_TREE },         { "stl_list.h", HOLDS_LIST },
		{ "list.tcc", HOLDS_LIST },           { "hashtable_policy.h", HOLDS_HASH },
		{ "hashtable.h", HOLDS_HASH },        { "stl_vector.h", HOLDS_VECTOR },
		{ "vector.tcc", HOLDS_VECTOR },       { "stl_deque.h", HOLDS_DEQUE },
		{ "deque.tcc", HOLDS_DEQUE },         { "basic_string.h", HOLDS_STRING },
		{ "basic_string.tcc", HOLDS_STRING }, { "allocated_ptr.h", HOLDS_SHARED },
	};
	const char *base = file ? strrchr(file, '/') : NULL;

	for (size_t i = 0; base && i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(base + 1, files[i].name))
			return files[i].is;
	return HOLDS_ANY;
}

enum site_holds kind_of_type(const char *name)
{
	static const struct {
		const char *part;
		enum site_holds is;
	} parts[] = {
		{ "std::map/set node", HOLDS_TREE },  { "std::_Rb_tree_node<", HOLDS_TREE },
		{ "std::unordered_", HOLDS_HASH },    { "std::__detail::_Hash_node<", HOLDS_HASH },
		{ "std::list node", HOLDS_LIST },     { "std::_List_node<", HOLDS_LIST },
		{ "std::vector", HOLDS_VECTOR },      { "std::deque", HOLDS_DEQUE },
		{ "std::string", HOLDS_STRING },      { "std::make_shared<", HOLDS_SHARED },
		{ "std::_Sp_counted_", HOLDS_SHARED }
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strncmp(name, parts[i].part, strlen(parts[i].part)))
			return parts[i].is;
	return HOLDS_ANY;
}

void class_kind_find(const struct scorer *scorer, uint32_t class, struct class_kind *out)
{
	const struct site_class *c = &scorer->classes->v[class];
	const struct type *first = NULL;
	unsigned same = 0, told = 0;

	*out = (struct class_kind){ 0 };
	for (unsigned i = 0; i < c->nsamples; i++) {
		const struct type *t = site_class_type(scorer->classes, c->sample[i].id);

		if (!t)
			continue;
		told++;
		if (!first)
			first = t;
		same += !strcmp(t->name, first->name) ||
		        (kind_of_type(first->name) &&
		         kind_of_type(t->name) == kind_of_type(first->name));
	}
	if (!first || same < told)
		return;
	out->name = first->name;
	out->holds = (uint8_t)kind_of_type(first->name);
	out->exact = !strcmp(first->method, "vtable");
	out->libc = !strcmp(first->method, "libc");
	out->share = (double)told / c->nsamples;
}

/* Of new T[n] it is T, which is behind a count of them where they have to be destroyed. */
static bool take_alloc_type(const struct site_entry *site, const struct pointee *type,
                            struct site_kind *out)
{
	bool affine = site->size == SITE_AFFINE;
	uint64_t size = (uint64_t)(affine ? site->scale : site->add);
	unsigned before = affine ? (unsigned)site->add / 8 : 0, words = (unsigned)type->size / 8;

	if (site->add < 0 || size % type->size)
		return false;
	out->here = true;
	out->name[out->n++] = type->name;
	for (unsigned i = 0; i < WORDKINDS && type->size % 8 == 0; i++)
		out->word[0][i] = i < before ? WORDKIND_NUMBER : type->kind[(i - before) % words];
	return true;
}

void site_kind_find(struct modules *modules, const struct module *module,
                    const struct site_index *index, const struct site_entry *site,
                    struct site_kind *out)
{
	struct inlined at[INLINED_MOST];
	struct pointee pointee[KIND_NAMES];
	size_t n = module_inlined(modules, module, site->call + module->bias, at, INLINED_MOST), i;
	uint64_t size;
	size_t found;

	*out = (struct site_kind){ .lines = n > 0, .holds = site->holds };
	if (!n)
		return;
	site_homes_find(modules, module, index, site, out);
	i = site_place_step(at, n);
	for (size_t j = 0; j < i && !out->holds; j++)
		out->holds = (uint8_t)held_by_file(at[j].file);
	size = site->size == SITE_FIXED || site->add > 0 ? (uint64_t)site->add
	                                                 : (uint64_t)site->scale;
	if (out->holds || site->size == SITE_ANY || site->size == SITE_TEXT || size < 8)
		return;
	if (module_alloc_type(modules, module, site->call + module->bias, &pointee[0]) &&
	    take_alloc_type(site, &pointee[0], out))
		return;
	found = module_pointees(modules, module, site->call + module->bias, (unsigned)i,
	                        (uint64_t)at[i].line, size, pointee, KIND_NAMES);
	for (size_t j = 0; j < found; j++) {
		if (pointee[j].here && !out->here) { /* what is made there, and no other */
			out->here = true;
			out->n = 0;
		} else if (out->here) {
			continue;
		}
		memcpy(out->word[out->n], pointee[j].kind, sizeof(out->word[0]));
		out->name[out->n++] = pointee[j].name;
	}
}

/* ---- do they agree? ---- */

/* "struct word", "word", "ns::word": declarations have no scope. */
static bool same_name(const char *type, const char *declared)
{
	size_t n = strlen(type), m = strlen(declared);

	if (n < m || strcmp(type + n - m, declared) != 0)
		return false;
	return n == m || type[n - m - 1] == ' ' || type[n - m - 1] == ':';
}

static double agree(const struct class_kind *class, const struct site_kind *site)
{
	if (class->holds || site->holds) {
		if (class->holds == site->holds)
			return 2;
		return site->holds || site->lines ? -4 : 0;
	}
	for (unsigned i = 0; i < site->n; i++)
		if (same_name(class->name, site->name[i]))
			return site->here ? 3.5 : site->n == 1 ? 3 : 2.3;
	if (site->here)
		return class->exact ? -4 : -3;
	if (site->n)
		return class->exact ? -0.5 : -2; /* it may be handed on as its base class */
	return site->lines ? -0.3 : 0;
}

/* Bytes of one element of "int[]", "T *[]"; 0: it is no array, or not known. */
static uint64_t element_of(const char *name)
{
	static const struct {
		const char *name;
		uint64_t size;
	} types[] = { { "char[]", 1 },  { "signed char[]", 1 },  { "unsigned char[]", 1 },
		      { "bool[]", 1 },  { "short[]", 2 },        { "short int[]", 2 },
		      { "int[]", 4 },   { "unsigned int[]", 4 }, { "float[]", 4 },
		      { "long[]", 8 },  { "long int[]", 8 },     { "long unsigned int[]", 8 },
		      { "double[]", 8 } };
	size_t n = strlen(name);

	if (n > 3 && !strcmp(name + n - 3, "*[]"))
		return 8;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(name, types[i].name))
			return types[i].size;
	return 0;
}

/* Of an array, as a pointer to it tells: is it what the site makes so many of? */
static double match_array(uint64_t element, const struct site_entry *site,
                          const struct site_kind *kind)
{
	if (site->size == SITE_AFFINE && (uint64_t)site->scale == element &&
	    site->add % site->scale == 0) /* one more, or less, than it is told */
		return kind->n || kind->holds ? 0.5 : 2;
	if (site->size == SITE_AFFINE && (uint64_t)site->scale == 1)
		return -0.5;
	return site->size == SITE_ANY ? 0 : kind->n || kind->holds ? -3 : -1.5;
}

double match_kind(struct scorer *scorer, uint32_t class, const struct score_module *module,
                  uint32_t site)
{
	const struct site_kind unknown = { .holds = module->index.v[site].holds };
	const struct site_kind *kind = &unknown;
	const struct class_kind *is = &scorer->kind[class];
	double llr;

	/* not of the language's own libraries: reading their types costs more than all else */
	if ((scorer->round || scorer->reason) && !module->foreign)
		kind = scorer_kind(scorer, module, site);
	if (!is->name)
		return match_layout(scorer, class, &module->index.v[site],
		                    module->index.store + module->index.v[site].store, kind);
	llr = element_of(is->name) ? match_array(element_of(is->name), &module->index.v[site], kind)
	                           : agree(is, kind);
	llr *= is->share;
	if (fabs(llr) > 0.5)
		scorer_reason(scorer, llr, "is of the type that the site makes", NULL, is->share);
	return llr;
}
