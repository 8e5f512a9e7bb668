/*
 * A kept index is a head with the numbers of what follows, then entries, stores, tags, variables
 * and members that hold an allocator, what entrances come to, calls of others' entrances, sizes
 * that calls tell; allocators for others, where those are, and their names; entrances and their
 * names, and the names that calls are of.
 */
#include "analyzer/code/cache.h"

#include "analyzer/code/pointer.h"
#include "formats/cachefile.h"

#define VERSION \
	14 /* of the layout and of what the code makes of machine code: raise it with either */

struct cache_head {
	uint32_t version, entry, store, tag, asked, allocator; /* bytes of each struct */
	uint32_t damaged, partial;
	uint32_t held, entrance;
	uint64_t n, nstores, ntags, nasked, nexports, nheld, nmembers;
	uint64_t nreached, nuses, nentrances, nnames;
	uint64_t strings; /* bytes of all names */
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
	for (size_t i = 0; i < others->nentrances && !others->library; i++)
		h = hash_bytes(h, others->entrance[i], strlen(others->entrance[i]) + 1);
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
		    !range_holds(0, x->ntags, e->tag, e->ntags) ||
		    !range_holds(0, x->nasked, e->asked, e->nasked) || (i && e->call < e[-1].call))
			return false;
	}
	for (size_t i = 0; i < x->nstores; i++)
		if (x->store[i].kind > STORE_ZERO ||
		    (x->store[i].kind == STORE_BLOCK && x->store[i].value >= x->n))
			return false;
	for (size_t i = 0; i < x->ntags; i++)
		if (x->tag[i].parent != SITE_NONE && x->tag[i].parent >= x->n)
			return false;
	for (size_t i = 0; i < x->nreached; i++)
		if (x->reached[i].site >= x->n)
			return false;
	for (size_t i = 0; i < x->nuses; i++)
		if (x->use[i].name >= x->nnames || !x->use[i].same)
			return false;
	return true;
}

/* NULL: there is none. */
static const char *take_string(struct cursor *c, struct pool *pool)
{
	const uint8_t *at = c->at, *end = memchr(at, 0, c->left);
	size_t n = end ? (size_t)(end - at) + 1 : 0;

	c->at += n;
	c->left -= n;
	return n ? pool_strndup(pool, (const char *)at, n) : NULL;
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
		const char *name = is[i].size > ALLOCATOR_ANY ? NULL : take_string(c, &out->pool);

		if (!name) {
			mem_free(is);
			mem_free(start);
			return false;
		}
		out->export[out->nexports++] = (struct site_export){ name, start[i], is[i] };
	}
	mem_free(is);
	mem_free(start);
	return true;
}

static bool take_entrances(struct cursor *c, const struct cache_head *head, struct site_index *out)
{
	out->entrance = take(c, head->nentrances, sizeof(*out->entrance));
	if (!out->entrance)
		return false;
	for (; out->nentrances < head->nentrances; out->nentrances++) {
		struct site_entrance *e = &out->entrance[out->nentrances];

		e->name = take_string(c, &out->pool);
		if (!e->name || !range_holds(0, out->nreached, e->reached, e->nreached))
			return false;
	}
	if (head->nnames > c->left)
		return false;
	out->name = mem_alloc(head->nnames + 1, sizeof(*out->name));
	for (; out->nnames < head->nnames; out->nnames++) {
		out->name[out->nnames] = take_string(c, &out->pool);
		if (!out->name[out->nnames])
			return false;
	}
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
	    head.allocator != sizeof(struct site_allocator) || head.held != sizeof(*out->held) ||
	    head.asked != sizeof(*out->asked) || head.entrance != sizeof(*out->entrance))
		return false;
	out->damaged = head.damaged != 0;
	out->partial = head.partial != 0;
	out->v = take(&c, head.n, sizeof(*out->v));
	out->store = take(&c, head.nstores, sizeof(*out->store));
	out->tag = take(&c, head.ntags, sizeof(*out->tag));
	out->asked = take(&c, head.nasked, sizeof(*out->asked));
	out->held = take(&c, head.nheld, sizeof(*out->held));
	out->member = take(&c, head.nmembers, sizeof(*out->member));
	out->reached = take(&c, head.nreached, sizeof(*out->reached));
	out->use = take(&c, head.nuses, sizeof(*out->use));
	if (!out->v || !out->store || !out->tag || !out->asked || !out->held || !out->member ||
	    !out->reached || !out->use)
		return false;
	out->n = head.n;
	out->nstores = head.nstores;
	out->ntags = head.ntags;
	out->nasked = head.nasked;
	out->nheld = head.nheld;
	out->nmembers = head.nmembers;
	out->nreached = head.nreached;
	out->nuses = head.nuses;
	return take_exports(&c, &head, out) && take_entrances(&c, &head, out) && sound(out);
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
	       (!others->pointers ? !out->nheld && !out->nmembers
	                          : site_pointers_agree(others->pointers, out));
	if (bytes && !good)
		site_index_free(out);
	mem_free(bytes);
	pool_free(&pool);
	return good;
}

/* ---- writing ---- */

static void put(uint8_t *to, size_t *at, const void *from, size_t size)
{
	if (size)
		memcpy(to + *at, from, size);
	*at += size;
}

static void put_string(uint8_t *to, size_t *at, const char *s)
{
	put(to, at, s, strlen(s) + 1);
}

static struct cache_head head_of(const struct site_index *x)
{
	struct cache_head head = { .version = VERSION,
		                   .entry = sizeof(*x->v),
		                   .store = sizeof(*x->store),
		                   .tag = sizeof(*x->tag),
		                   .asked = sizeof(*x->asked),
		                   .allocator = sizeof(struct site_allocator),
		                   .held = sizeof(*x->held),
		                   .entrance = sizeof(*x->entrance),
		                   .damaged = x->damaged,
		                   .partial = x->partial,
		                   .n = x->n,
		                   .nstores = x->nstores,
		                   .ntags = x->ntags,
		                   .nasked = x->nasked,
		                   .nexports = x->nexports,
		                   .nheld = x->nheld,
		                   .nmembers = x->nmembers,
		                   .nreached = x->nreached,
		                   .nuses = x->nuses,
		                   .nentrances = x->nentrances,
		                   .nnames = x->nnames };

	for (size_t i = 0; i < x->nexports; i++)
		head.strings += strlen(x->export[i].name) + 1;
	for (size_t i = 0; i < x->nentrances; i++)
		head.strings += strlen(x->entrance[i].name) + 1;
	for (size_t i = 0; i < x->nnames; i++)
		head.strings += strlen(x->name[i]) + 1;
	return head;
}

/* Pointers mean nothing in a file. */
static void put_entrances(uint8_t *bytes, size_t *at, const struct site_index *x)
{
	for (size_t i = 0; i < x->nentrances; i++) {
		struct site_entrance e = x->entrance[i];

		e.name = NULL;
		put(bytes, at, &e, sizeof(e));
	}
	for (size_t i = 0; i < x->nentrances; i++)
		put_string(bytes, at, x->entrance[i].name);
	for (size_t i = 0; i < x->nnames; i++)
		put_string(bytes, at, x->name[i]);
}

static size_t bytes_of(const struct cache_head *head, const struct site_index *x)
{
	return sizeof(*head) + x->n * sizeof(*x->v) + x->nstores * sizeof(*x->store) +
	       x->ntags * sizeof(*x->tag) + x->nasked * sizeof(*x->asked) +
	       (x->nheld + x->nmembers) * sizeof(*x->held) + x->nreached * sizeof(*x->reached) +
	       x->nuses * sizeof(*x->use) +
	       x->nexports * (sizeof(struct site_allocator) + sizeof(uint64_t)) +
	       x->nentrances * sizeof(*x->entrance) + head->strings;
}

void site_cache_write(const struct module *module, const struct site_others *others,
                      const struct site_index *x)
{
	struct cache_head head = head_of(x);
	struct pool pool = { 0 };
	size_t size = bytes_of(&head, x), at = 0;
	uint8_t *bytes;

	if (!module->build_id_size)
		return;
	bytes = mem_alloc(size, 1);
	put(bytes, &at, &head, sizeof(head));
	put(bytes, &at, x->v, x->n * sizeof(*x->v));
	put(bytes, &at, x->store, x->nstores * sizeof(*x->store));
	put(bytes, &at, x->tag, x->ntags * sizeof(*x->tag));
	put(bytes, &at, x->asked, x->nasked * sizeof(*x->asked));
	put(bytes, &at, x->held, x->nheld * sizeof(*x->held));
	put(bytes, &at, x->member, x->nmembers * sizeof(*x->member));
	put(bytes, &at, x->reached, x->nreached * sizeof(*x->reached));
	put(bytes, &at, x->use, x->nuses * sizeof(*x->use));
	for (size_t i = 0; i < x->nexports; i++)
		put(bytes, &at, &x->export[i].is, sizeof(x->export[i].is));
	for (size_t i = 0; i < x->nexports; i++)
		put(bytes, &at, &x->export[i].at, sizeof(x->export[i].at));
	for (size_t i = 0; i < x->nexports; i++)
		put_string(bytes, &at, x->export[i].name);
	put_entrances(bytes, &at, x);
	cachefile_write(name_of(&pool, module, others), bytes, size);
	mem_free(bytes);
	pool_free(&pool);
}
