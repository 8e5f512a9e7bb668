/* Containers with a table of pointers: unordered maps and sets, deques. */
#include "analyzer/type/container.h"

/*
 * Owner, in both libraries: buckets, their number, first node, number of nodes, load factor (a
 * float). Nodes are chained from the first one to the last. A bucket points to the node in front of
 * its first, the very first one's to the owner's word that points to it. libstdc++ has a table of
 * one bucket in the owner itself.
 */
struct table {
	vaddr buckets, link; /* link: the owner's word that points to the first node */
	uint64_t nbuckets, first, count;
};

static bool nodes(struct containers *c, const struct table *t, bool put)
{
	uint64_t node = t->first, n = 0;
	struct block b;

	for (; node; n++) {
		if (n == t->count || !c->steps || !container_block(c, node, &b) ||
		    b.size < 2 * c->word)
			return false;
		c->steps--;
		if (put)
			container_put(c, &b, PART_HASH_NODE);
		if (!container_word(c, node, &node))
			return false;
	}
	return n == t->count;
}

/* Each bucket is empty or points to a node; one of them, and only one, to the owner. */
static bool buckets(struct containers *c, const struct table *t)
{
	uint64_t value, links = 0;
	struct block b;

	for (uint64_t i = 0; i < t->nbuckets; i++) {
		if (!c->steps || !container_word(c, t->buckets + i * c->word, &value))
			return false;
		c->steps--;
		if (value == t->link)
			links++;
		else if (value && !container_block(c, value, &b))
			return false;
	}
	return links == (t->count > 0);
}

static bool load_factor(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f >= 0.05F && f <= 100.0F;
}

bool container_hash(struct containers *c, const struct words *w, size_t i)
{
	struct table t;
	struct block b;
	bool own;

	if (i + 4 >= w->n)
		return false;
	t.nbuckets = word_of(c, w, i + 1);
	t.first = word_of(c, w, i + 2);
	t.count = word_of(c, w, i + 3);
	if (!t.nbuckets || t.nbuckets > STRIDE_MAX / c->word || t.count > c->t->heap->nchunks ||
	    !t.first != !t.count || !load_factor((uint32_t)word_of(c, w, i + 4)))
		return false;
	t.buckets = word_of(c, w, i);
	t.link = w->at + (i + 2) * c->word;
	own = t.nbuckets == 1 && t.buckets == w->at + (i + 6) * c->word;
	if (!own &&
	    (!container_block(c, t.buckets, &b) || !container_fits(c, &b, t.nbuckets * c->word)))
		return false;
	if (!nodes(c, &t, false) || !buckets(c, &t))
		return false;
	nodes(c, &t, true);
	if (!own)
		container_put(c, &b, PART_HASH_BUCKETS);
	return true;
}

/* Blocks of a deque, from one entry of its map to another: all there and of one size? */
static bool deque_blocks(struct containers *c, vaddr from, vaddr to, uint64_t bytes, bool put)
{
	uint64_t value, size = 0;
	struct block b;

	for (vaddr at = from; at < to; at += c->word) {
		if (!c->steps || !container_word(c, at, &value) || !container_block(c, value, &b))
			return false;
		c->steps--;
		if (bytes ? !container_fits(c, &b, bytes) : (size && b.size != size))
			return false;
		size = b.size;
		if (put)
			container_put(c, &b, PART_DEQUE_BLOCK);
	}
	return from < to;
}

/* libstdc++: map, its entries, then first and last position: current, first, last, entry. */
static bool try_deque(struct containers *c, const struct words *w, size_t i)
{
	uint64_t map = word_of(c, w, i), entries, v[8], value, bytes;
	struct block b;

	if (i + 9 >= w->n)
		return false;
	entries = word_of(c, w, i + 1);
	for (size_t k = 0; k < 8; k++)
		v[k] = word_of(c, w, i + 2 + k);
	if (entries < 3 || entries > STRIDE_MAX / c->word || v[3] < map || v[7] < v[3] ||
	    v[7] - map >= entries * c->word || v[0] < v[1] || v[0] > v[2] || v[4] < v[5] ||
	    v[4] >= v[6] || v[2] - v[1] != v[6] - v[5] || (v[3] - map) % c->word ||
	    (v[7] - map) % c->word)
		return false;
	bytes = v[6] - v[5];
	if (!container_block(c, map, &b) || !container_fits(c, &b, entries * c->word) ||
	    !container_word(c, v[3], &value) || value != v[1] || !container_word(c, v[7], &value) ||
	    value != v[5] || !deque_blocks(c, v[3], v[7] + c->word, bytes, false))
		return false;
	deque_blocks(c, v[3], v[7] + c->word, bytes, true);
	container_put(c, &b, PART_DEQUE_MAP);
	return true;
}

/* libc++: map, its first entry, behind its last, end of storage; position of the first, count. */
static bool try_split_deque(struct containers *c, const struct words *w, size_t i)
{
	uint64_t v[4], start, count;
	struct block b;

	if (i + 5 >= w->n)
		return false;
	for (size_t k = 0; k < 4; k++)
		v[k] = word_of(c, w, i + k);
	start = word_of(c, w, i + 4);
	count = word_of(c, w, i + 5);
	if (v[1] < v[0] || v[2] <= v[1] || v[3] < v[2] || (v[1] - v[0]) % c->word ||
	    (v[2] - v[1]) % c->word || !count || start > STRIDE_MAX || count > STRIDE_MAX)
		return false;
	if (!container_block(c, v[0], &b) || !container_fits(c, &b, v[3] - v[0]) ||
	    !deque_blocks(c, v[1], v[2], 0, false))
		return false;
	deque_blocks(c, v[1], v[2], 0, true);
	container_put(c, &b, PART_DEQUE_MAP);
	return true;
}

bool container_deque(struct containers *c, const struct words *w, size_t i)
{
	return (c->gnu && try_deque(c, w, i)) || (c->llvm && try_split_deque(c, w, i));
}
