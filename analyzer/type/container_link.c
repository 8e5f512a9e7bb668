/* Containers of linked nodes: trees (map, set, multimap, multiset) and lists. */
#include "analyzer/type/container.h"

/*
 * Words of a node, and of the owner from the word that points to the root:
 *   libstdc++  node colour parent left right; owner [colour] root leftmost rightmost count
 *   libc++     node left right parent black;  owner leftmost [root] count
 */
struct tree_form {
	unsigned parent, left, right; /* words into a node */
	unsigned root;                /* words from the owner's first pointer to that to the root */
	unsigned count;               /* the same, to the number of nodes */
	int header;                   /* the same, to what the root's parent is */
};
static const struct tree_form tree_forms[] = {
	{ .parent = 1, .left = 2, .right = 3, .root = 0, .count = 3, .header = -1 },
	{ .parent = 2, .left = 0, .right = 1, .root = 1, .count = 2, .header = 1 },
};

struct tree {
	const struct tree_form *form;
	struct containers *c;
	vaddr header, root;
	uint64_t count;
	bool put;
};

static bool field(const struct tree *t, vaddr node, unsigned word, uint64_t *value)
{
	return container_word(t->c, node + word * t->c->word, value);
}

/* The lowest node below and with this one, each of whose parents is checked; 0: it does not hold.
 */
static vaddr lowest(struct tree *t, vaddr node)
{
	uint64_t left, parent;

	for (;;) {
		if (!field(t, node, t->form->left, &left) || !t->c->steps)
			return 0;
		if (!left)
			return node;
		t->c->steps--;
		if (!in_heap(t->c, left) || !field(t, left, t->form->parent, &parent) ||
		    parent != node)
			return 0;
		node = left;
	}
}

/* The node that comes next in order; the header behind the last one; 0: it does not hold. */
static vaddr next_node(struct tree *t, vaddr node)
{
	uint64_t right, parent;

	if (!field(t, node, t->form->right, &right))
		return 0;
	if (right) {
		if (!in_heap(t->c, right) || !field(t, right, t->form->parent, &parent) ||
		    parent != node)
			return 0;
		return lowest(t, right);
	}
	while (t->c->steps) {
		t->c->steps--;
		if (!field(t, node, t->form->parent, &parent))
			return 0;
		if (parent == t->header)
			return t->header;
		if (!in_heap(t->c, parent) || !field(t, parent, t->form->right, &right))
			return 0;
		if (right != node)
			return parent;
		node = parent;
	}
	return 0;
}

/* All nodes in order; with put they are proposed. Do they hold together, and are they as many? */
static bool walk(struct tree *t)
{
	vaddr node = lowest(t, t->root);
	struct block b;
	uint64_t n = 0;

	for (; node && node != t->header; node = next_node(t, node)) {
		if (++n > t->count || !container_block(t->c, node, &b) || b.size < 4 * t->c->word)
			return false;
		if (t->put)
			container_put(t->c, &b, PART_TREE);
	}
	return node && n == t->count;
}

bool container_tree(struct containers *c, const struct words *w, size_t i)
{
	for (size_t f = 0; f < sizeof(tree_forms) / sizeof(*tree_forms); f++) {
		const struct tree_form *form = &tree_forms[f];
		struct tree t = { .form = form, .c = c };
		struct block b;
		uint64_t parent;

		if (i + form->count >= w->n || (form->header < 0 && !i))
			continue;
		t.root = word_of(c, w, i + form->root);
		t.count = word_of(c, w, i + form->count);
		t.header = w->at + (i + (size_t)form->header) * c->word;
		if (form->header < 0 && (uint32_t)word_of(c, w, i - 1)) /* it counts as red */
			continue;
		if (!t.count || t.count > c->t->heap->nchunks || !container_block(c, t.root, &b) ||
		    b.size < 4 * c->word || !field(&t, t.root, form->parent, &parent) ||
		    parent != t.header)
			continue;
		/* leftmost: behind the root, or in front of it */
		if (lowest(&t, t.root) != word_of(c, w, form->root ? i : i + 1) || !walk(&t))
			continue;
		t.put = true;
		walk(&t);
		return true;
	}
	return false;
}

/* libstdc++: next, prev, count. libc++: prev, next, count. The owner is one of the ring. */
static bool ring(struct containers *c, vaddr owner, uint64_t first, uint64_t count, unsigned next,
                 bool put)
{
	unsigned prev = c->word - next;
	uint64_t back = owner, node = first, n = 0, value;
	struct block b;

	for (; node != owner; n++) {
		if (n == count || !c->steps-- || !container_block(c, node, &b) ||
		    b.size < 3 * c->word || !container_word(c, node + prev, &value) ||
		    value != back) {
			c->steps += !c->steps; /* it is used up, and stays so */
			return false;
		}
		if (put)
			container_put(c, &b, PART_LIST);
		back = node;
		if (!container_word(c, node + next, &node))
			return false;
	}
	return n == count;
}

bool container_list(struct containers *c, const struct words *w, size_t i)
{
	uint64_t count, word[2];
	vaddr owner = w->at + i * c->word;

	if (i + 2 >= w->n)
		return false;
	word[0] = word_of(c, w, i);
	word[1] = word_of(c, w, i + 1);
	count = word_of(c, w, i + 2);
	if (!count || count > c->t->heap->nchunks || !in_heap(c, word[1]) || word[0] == owner)
		return false;
	for (unsigned first = 0; first < 2; first++) {
		unsigned next = first * c->word; /* where a node has its next one */
		uint64_t value;

		if (!container_word(c, word[1 - first] + next, &value) || value != owner ||
		    !ring(c, owner, word[first], count, next, false))
			continue;
		ring(c, owner, word[first], count, next, true);
		return true;
	}
	return false;
}
