/*
 * A kept index is a head with the numbers of what follows, then entries, stores, tags, variables
 * that hold an allocator, allocators for others, where those are, and their names.
 */
#include "analyzer/site/site_cache.h"

#include "analyzer/site/site_pointer.h"
#include "formats/cachefile.h"

#define VERSION \
	12 /* of the layout and of what the code makes of machine code: raise it with either */

struct cache_head {
	uint32_t version, entry, store, tag, allocator; /* bytes of each struct */
	uint32_t damaged, partial, pad;
	uint32_t held, pad2;
	uint64_t n, nstores, ntags, nexports, nheld, names; /* names: bytes */
};

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Field by field: what is between them may be anything. */
static uint64_t hash_export(uint64_t h, const struct site_export *x)
{
	const int64_t field[] = { x->is.size,   x->is.arg,   x->is.other, x->is.out, x->is.string,
		                  x->is.zeroed, x->is.loose, x->is.scale, x->is.add, x->is.shift };

	return hash_bytes(hash_bytes(h, x->name, strlen(x->name) + 1), field, sizeof(field));
}

static const char *name_of(struct pool *pool, const struct module *module,
                           const struct site_others *others)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < module->build_id_size && i < BUILD_ID_MAX; i++) {
		hex[2 * i] = "0123456789abcdef"[module->build_id[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[module->build_id[i] & 15];
		hex[2 * i + 2] = 0;
	}
	for (size_t i = 0; i < others->nextra; i++)
		h = hash_export(h, &others->extra[i]);
	return pool_printf(pool, "sites-%s-%016llx", hex, (unsigned long long)h);
}

/* ---- reading ---- */

struct cursor {
	const uint8_t *at;
	size_t left;
};

/* n structs of so many bytes; NULL: they are not there. Owned by the caller. */
static void *take(struct cursor *c, uint64_t n, size_t each)
{
	void *to;

	if (n > c->left / each)
		return NULL;
	to = mem_alloc(n + 1, each);
	memcpy(to, c->at, n * each);
	c->at += n * each;
	c->left -= n * each;
	return to;
}

/* Every number in it must be one that an index can have. */
static bool sound(const struct site_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct site_entry *e = &x->v[i];

		if (e->size > SITE_ANY || !range_holds(0, x->nstores, e->store, e->nstores) ||
		    !range_holds(0, x->ntags, e->tag, e->ntags) || (i && e->call < e[-1].call))
			return false;
	}
	for (size_t i = 0; i < x->nstores; i++)
		if (x->store[i].kind > STORE_ZERO ||
		    (x->store[i].kind == STORE_BLOCK && x->store[i].value >= x->n))
			return false;
	for (size_t i = 0; i < x->ntags; i++)
		if (x->tag[i].parent != SITE_NONE && x->tag[i].parent >= x->n)
			return false;
	return true;
}

static bool take_exports(struct cursor *c, const struct cache_head *head, struct site_index *out)
{
	struct site_allocator *is = take(c, head->nexports, sizeof(*is));
	uint64_t *start = take(c, head->nexports, sizeof(*start));

	if (!is || !start) {
		mem_free(is);
		mem_free(start);
		return false;
	}
	out->export = mem_alloc(head->nexports + 1, sizeof(*out->export));
	for (uint64_t i = 0; i < head->nexports; i++) {
		const uint8_t *end = memchr(c->at, 0, c->left);
		size_t n = end ? (size_t)(end - c->at) + 1 : 0;

		if (!n || is[i].size > ALLOCATOR_ANY) {
			mem_free(is);
			mem_free(start);
			return false;
		}
		out->export[i] = (struct site_export){
			pool_strndup(&out->pool, (const char *)c->at, n), start[i], is[i]
		};
		out->nexports++;
		c->at += n;
		c->left -= n;
	}
	mem_free(is);
	mem_free(start);
	return true;
}

static bool decode(const void *bytes, size_t size, struct site_index *out)
{
	struct cursor c = { bytes, size };
	struct cache_head head;

	*out = (struct site_index){ 0 };
	if (size < sizeof(head))
		return false;
	memcpy(&head, bytes, sizeof(head));
	c.at += sizeof(head);
	c.left -= sizeof(head);
	if (head.version != VERSION || head.entry != sizeof(*out->v) ||
	    head.store != sizeof(*out->store) || head.tag != sizeof(*out->tag) ||
	    head.allocator != sizeof(struct site_allocator) || head.held != sizeof(*out->held))
		return false;
	out->damaged = head.damaged != 0;
	out->partial = head.partial != 0;
	out->v = take(&c, head.n, sizeof(*out->v));
	out->store = take(&c, head.nstores, sizeof(*out->store));
	out->tag = take(&c, head.ntags, sizeof(*out->tag));
	out->held = take(&c, head.nheld, sizeof(*out->held));
	if (!out->v || !out->store || !out->tag || !out->held)
		return false;
	out->n = head.n;
	out->nstores = head.nstores;
	out->ntags = head.ntags;
	out->nheld = head.nheld;
	return take_exports(&c, &head, out) && sound(out);
}

bool site_cache_read(const struct module *module, const struct site_others *others,
                     struct site_index *out)
{
	struct pool pool = { 0 };
	size_t size = 0;
	void *bytes;
	bool good;

	if (!module->build_id_size)
		return false;
	bytes = cachefile_read(name_of(&pool, module, others), &size);
	good = bytes && decode(bytes, size, out) &&
	       (!others->pointers ? !out->nheld : site_pointers_agree(others->pointers, out));
	if (bytes && !good)
		site_index_free(out);
	mem_free(bytes);
	pool_free(&pool);
	return good;
}

/* ---- writing ---- */

static void put(uint8_t *to, size_t *at, const void *from, size_t size)
{
	memcpy(to + *at, from, size);
	*at += size;
}

void site_cache_write(const struct module *module, const struct site_others *others,
                      const struct site_index *x)
{
	struct cache_head head = { .version = VERSION,
		                   .entry = sizeof(*x->v),
		                   .store = sizeof(*x->store),
		                   .tag = sizeof(*x->tag),
		                   .allocator = sizeof(struct site_allocator),
		                   .held = sizeof(*x->held),
		                   .damaged = x->damaged,
		                   .partial = x->partial,
		                   .n = x->n,
		                   .nstores = x->nstores,
		                   .ntags = x->ntags,
		                   .nexports = x->nexports,
		                   .nheld = x->nheld };
	struct pool pool = { 0 };
	size_t size = 0, at = 0;
	uint8_t *bytes;

	if (!module->build_id_size)
		return;
	for (size_t i = 0; i < x->nexports; i++)
		head.names += strlen(x->export[i].name) + 1;
	size = sizeof(head) + x->n * sizeof(*x->v) + x->nstores * sizeof(*x->store) +
	       x->ntags * sizeof(*x->tag) + x->nheld * sizeof(*x->held) +
	       x->nexports * (sizeof(struct site_allocator) + sizeof(uint64_t)) + head.names;
	bytes = mem_alloc(size, 1);
	put(bytes, &at, &head, sizeof(head));
	put(bytes, &at, x->v, x->n * sizeof(*x->v));
	put(bytes, &at, x->store, x->nstores * sizeof(*x->store));
	put(bytes, &at, x->tag, x->ntags * sizeof(*x->tag));
	put(bytes, &at, x->held, x->nheld * sizeof(*x->held));
	for (size_t i = 0; i < x->nexports; i++)
		put(bytes, &at, &x->export[i].is, sizeof(x->export[i].is));
	for (size_t i = 0; i < x->nexports; i++)
		put(bytes, &at, &x->export[i].at, sizeof(x->export[i].at));
	for (size_t i = 0; i < x->nexports; i++)
		put(bytes, &at, x->export[i].name, strlen(x->export[i].name) + 1);
	cachefile_write(name_of(&pool, module, others), bytes, size);
	mem_free(bytes);
	pool_free(&pool);
}
