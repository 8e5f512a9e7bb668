/*
 * What a word may point to is decided once per distinct word: a hash table keeps the answer, also
 * "no vtable". A type_info is believed where its own class is one of the three that the C++ ABI has
 * for classes (abi::__class_type_info and the two derived from it), and that is told by the name in
 * the type_info's type_info. Where there is none (-fno-rtti), a vtable's symbol tells the name.
 */
#include "analyzer/type/rtti.h"
#include "formats/demangle.h"
#include "formats/idmap.h"

#include <stdio.h>

#define NAME_MAX_BYTES 4090
#define TOP_MAX        (UINT64_C(1) << 24) /* bytes of an object before one of its parts */
#define WORDS_MAX      (1u << 20)          /* distinct words that are looked at */
#define BASES_MAX      8                   /* of a class, each the only one of the next */

struct rtti {
	const struct core *core;
	struct modules *modules;
	unsigned word;
	struct idmap by_word;
	ARRAY(const struct rtti_class *) answers;
	vaddr lo, hi; /* of all modules */
	struct pool pool;
};

struct rtti *rtti_make(const struct core *core, struct modules *modules)
{
	struct rtti *r = mem_alloc(1, sizeof(*r));

	r->core = core;
	r->modules = modules;
	r->word = core->machine->word;
	r->lo = UINT64_MAX;
	for (size_t i = 0; i < modules->n; i++) {
		if (modules->v[i].start < r->lo)
			r->lo = modules->v[i].start;
		if (modules->v[i].end > r->hi)
			r->hi = modules->v[i].end;
	}
	return r;
}

void rtti_free(struct rtti *r)
{
	if (!r)
		return;
	idmap_free(&r->by_word);
	array_free(&r->answers);
	pool_free(&r->pool);
	mem_free(r);
}

/* ---- reading ---- */

static bool read_words(const struct rtti *r, vaddr at, uint64_t *v, size_t n)
{
	uint8_t bytes[4 * 8];

	if (!module_read(r->core, r->modules, at, bytes, n * r->word))
		return false;
	for (size_t i = 0; i < n; i++)
		v[i] = load_word(bytes + i * r->word, r->word);
	return true;
}

static bool in_module(const struct rtti *r, vaddr at)
{
	return at >= r->lo && at < r->hi && at % r->word == 0 && module_at(r->modules, at);
}

static bool is_code(const struct rtti *r, vaddr at)
{
	const struct segment *s = core_segment(r->core, at);

	return s && (s->flags & SEG_X);
}

/* A mangled type: letters, digits and a few signs. False: not readable, or no such name. */
static bool read_name(const struct rtti *r, vaddr at, char *name, size_t size)
{
	for (size_t n = 0; n < size; n++) {
		char c;

		if (!module_read(r->core, r->modules, at + n, &name[n], 1))
			return false;
		c = name[n];
		if (!c)
			return n > 0;
		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    c != '_' && c != '.' && c != '$' && !(c == '*' && n == 0))
			return false;
	}
	return false;
}

enum known { NO, UNKNOWN, YES };

/* Is a type_info, by its first word, one of a class? UNKNOWN: what would tell is not at hand. */
static enum known is_class_info(const struct rtti *r, uint64_t info_vtable)
{
	static const char *const kinds[] = { "N10__cxxabiv117__class_type_infoE",
		                             "N10__cxxabiv120__si_class_type_infoE",
		                             "N10__cxxabiv121__vmi_class_type_infoE" };
	char name[64];
	uint64_t info, v[2];

	if (!in_module(r, info_vtable))
		return NO;
	if (!read_words(r, info_vtable - r->word, &info, 1))
		return UNKNOWN;
	if (!in_module(r, info))
		return NO;
	if (!read_words(r, info, v, 2))
		return UNKNOWN;
	if (!in_module(r, v[1] - v[1] % r->word))
		return NO;
	if (!read_name(r, v[1], name, sizeof(name)))
		return module_read(r->core, r->modules, v[1], name, 1) ? NO : UNKNOWN;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(name + (*name == '*'), kinds[i]))
			return YES;
	return NO;
}

/* ---- names ---- */

static const char *after_last(const char *path, char c)
{
	const char *last = strrchr(path, c);

	return last ? last + 1 : path;
}

static struct rtti_class *new_class(struct rtti *r, uint64_t top)
{
	struct rtti_class *c = pool_alloc(&r->pool, sizeof(*c));

	c->top = top;
	c->named = true;
	return c;
}

static struct rtti_class *from_name(struct rtti *r, const char *mangled, uint64_t top)
{
	static const char head[] = "typeinfo name for ";
	struct rtti_class *c;
	const char *text;
	char full[NAME_MAX_BYTES + 8];

	snprintf(full, sizeof(full), "_ZTS%s", mangled);
	text = demangle(&r->pool, full);
	if (!text || strncmp(text, head, sizeof(head) - 1))
		return NULL;
	c = new_class(r, top);
	c->name = rtti_plain(&r->pool, text + sizeof(head) - 1);
	c->mangled = pool_copy(&r->pool, mangled);
	return c;
}

/* The name is not at hand: where the vtable is tells the class apart from others. */
static const struct rtti_class *nameless(struct rtti *r, vaddr vtable, uint64_t top)
{
	const struct module *m = module_at(r->modules, vtable);
	struct rtti_class *c = new_class(r, top);

	c->named = false;
	c->name = pool_printf(&r->pool, "class with the vtable %s+0x%llx", after_last(m->path, '/'),
	                      (unsigned long long)(vtable - m->bias));
	return c;
}

static const struct rtti_class *from_symbol(struct rtti *r, vaddr vtable, uint64_t top)
{
	static const char head[] = "vtable for ";
	struct rtti_class *c;
	struct symbol s;

	module_symbol(r->core, r->modules, vtable, false, &s);
	if (!s.raw || !s.name || strncmp(s.raw, "_ZTV", 4) || s.offset < 2 * r->word ||
	    strncmp(s.name, head, sizeof(head) - 1))
		return NULL;
	c = new_class(r, top);
	c->name = rtti_plain(&r->pool, s.name + sizeof(head) - 1);
	return c;
}

/* The first three words of a type_info of one base: its own class's vtable, name, base. */
static bool is_streambuf(const struct rtti *r, vaddr info)
{
	static const char *const names[] = { "St15basic_streambufI", "NSt3__115basic_streambufI" };
	char name[NAME_MAX_BYTES];
	uint64_t v[3];

	for (int i = 0; i < BASES_MAX && in_module(r, info); i++) {
		if (!read_words(r, info, v, 2) || !read_name(r, v[1], name, sizeof(name)))
			return false;
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (!strncmp(name, names[k], strlen(names[k])))
				return true;
		if (!read_words(r, info, v, 3))
			return false;
		info = v[2];
	}
	return false;
}

/* ---- vtables ---- */

static const struct rtti_class *look(struct rtti *r, vaddr vtable)
{
	char name[NAME_MAX_BYTES];
	uint64_t v[3], info[2], top;
	struct rtti_class *class;
	enum known known;

	if (!read_words(r, vtable - 2 * r->word, v, 3))
		return NULL;
	top = r->word == 8 ? -v[0] : (uint32_t)-v[0];
	if (top > TOP_MAX)
		return NULL;
	if (!v[1])
		return is_code(r, v[2]) ? from_symbol(r, vtable, top) : NULL;
	if (!in_module(r, v[1]) || !read_words(r, v[1], info, 2))
		return NULL;
	known = is_class_info(r, info[0]);
	if (known == NO || !in_module(r, info[1] - info[1] % r->word))
		return NULL;
	if (read_name(r, info[1], name, sizeof(name))) {
		class = from_name(r, name + (*name == '*'), top);
		if (class)
			class->streambuf = is_streambuf(r, v[1]);
		return class;
	}
	return known == YES && is_code(r, v[2]) ? nameless(r, vtable, top) : NULL;
}

const struct rtti_class *rtti_find(struct rtti *r, uint64_t word)
{
	const struct rtti_class *class;
	uint32_t i;

	if (word < r->lo || word >= r->hi || word % r->word)
		return NULL;
	i = idmap_get(&r->by_word, word);
	if (i != IDMAP_NONE)
		return r->answers.v[i];
	if (r->answers.n >= WORDS_MAX || !module_at(r->modules, word))
		return NULL;
	class = look(r, word);
	idmap_put(&r->by_word, word, (uint32_t)r->answers.n);
	array_push(&r->answers, class);
	return class;
}
