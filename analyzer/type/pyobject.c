#include "analyzer/type/pyobject.h"

#define TYPES_MAX  65536
#define CHAIN      8 /* metaclasses of metaclasses */
#define NAME_BYTES 80
#define STR_WORDS  5 /* of a compact str, which has less than tp_basicsize says (3.3 on) */

/* tp_flags (Include/object.h): it is ready to be used; its instances are types. */
#define FLAGS_AT    21
#define FLAGS_READY (UINT64_C(1) << 12)
#define FLAGS_META  (UINT64_C(1) << 31)

bool pyobject_word(struct pyobjects *p, vaddr at, unsigned index, uint64_t *value)
{
	return view_read_word(&p->view, at + index * p->word, value, p->word);
}

/* Is its type a metaclass? Does their chain end in one that is its own type, called "type"? */
static bool is_type_object(struct pyobjects *p, vaddr at)
{
	uint64_t type, name, flags;
	char text[5];

	if (!pyobject_word(p, at, 1, &type) || type % p->word ||
	    !pyobject_word(p, type, FLAGS_AT, &flags) || !(flags & FLAGS_META) ||
	    !pyobject_word(p, at, FLAGS_AT, &flags) || !(flags & FLAGS_READY))
		return false;
	for (unsigned i = 0; i < CHAIN; i++) {
		if (at % p->word || !pyobject_word(p, at, 1, &type))
			return false;
		if (type == at)
			return pyobject_word(p, at, 3, &name) &&
			       module_read(p->core, p->modules, name, text, 5) &&
			       !memcmp(text, "type", 5);
		at = type;
	}
	return false;
}

static const char *read_name(struct pyobjects *p, vaddr at)
{
	char text[NAME_BYTES + 1];

	for (size_t n = 0; n <= NAME_BYTES; n++) {
		if (!module_read(p->core, p->modules, at + n, &text[n], 1))
			return NULL;
		if (!text[n])
			return n ? pool_strndup(&p->pool, text, n) : NULL;
		if (text[n] <= ' ' || text[n] >= 0x7f)
			return NULL;
	}
	return NULL;
}

/* refcnt type size name basicsize itemsize ... */
static struct pyclass *read_type(struct pyobjects *p, vaddr at)
{
	struct pyclass *out = pool_alloc(&p->pool, sizeof(*out));
	uint64_t name, item;

	if (pyobject_word(p, at, 3, &name) && pyobject_word(p, at, 4, &out->basic) &&
	    pyobject_word(p, at, 5, &item) && out->basic >= 2 * p->word && out->basic <= 1 << 20 &&
	    item <= 1 << 20)
		out->name = read_name(p, name);
	if (out->name && !strcmp(out->name, "str") && out->basic > STR_WORDS * p->word)
		out->basic = STR_WORDS * p->word;
	return out;
}

struct pyclass *pyobject_type(struct pyobjects *p, uint64_t at)
{
	uint32_t i;

	if (at < p->lo || at >= p->hi || at % p->word)
		return NULL;
	i = idmap_get(&p->by_address, at);
	if (i == IDMAP_NONE) {
		i = (uint32_t)p->classes.n;
		if (i >= TYPES_MAX || !is_type_object(p, at))
			return NULL;
		array_push(&p->classes, read_type(p, at));
		idmap_put(&p->by_address, at, i);
	}
	return p->classes.v[i]->name ? p->classes.v[i] : NULL;
}

struct pyclass *pyobject_class(struct pyobjects *p, vaddr at)
{
	uint64_t refs, type;

	if (!pyobject_word(p, at, 0, &refs) || !refs || refs > PYOBJECT_REFS_MAX ||
	    !pyobject_word(p, at, 1, &type))
		return NULL;
	return pyobject_type(p, type);
}

bool pyobjects_open(const struct core *core, struct modules *modules, struct pyobjects *out)
{
	bool python = false;

	for (size_t i = 0; i < modules->n && !python; i++)
		python = strstr(base_name(modules->v[i].path), "python");
	if (!python)
		return false;
	*out = (struct pyobjects){ .core = core, .modules = modules };
	out->view.core = core;
	out->word = core->machine->word;
	out->lo = modules->v[0].start;
	out->hi = core->nseg ? core->seg[core->nseg - 1].end : 0;
	return true;
}

void pyobjects_close(struct pyobjects *p)
{
	idmap_free(&p->by_address);
	array_free(&p->classes);
	pool_free(&p->pool);
	*p = (struct pyobjects){ 0 };
}
