/*
 * refheads: which of the unreached blocks are the heads. Tarjan's strongly connected components of
 * the graph of unreached blocks; a component that no other one points into has as its head, called
 * definite, its block with the lowest address. All others are indirect.
 */
#include "refmark.h"

#include <stdlib.h>

struct node {
	size_t index, low, component; /* index 0: not visited */
	uint64_t next;                /* the word to look at next */
	bool open;
};

static struct node *node;
static size_t *path, *opened, components;

/* Steps node v to its next neighbour; NONE when there is none left. */
static size_t next_neighbour(size_t v)
{
	uint64_t word;

	uint64_t width = core.width;

	for (; node[v].next + width <= block[v].address + block[v].usable; node[v].next += width) {
		size_t w;

		if (!core_word(&core, node[v].next, &word))
			continue;
		w = kept_by(word);
		if (w != NONE && w != v && block[w].reach == UNREACHED) {
			node[v].next += width;
			return w;
		}
	}
	return NONE;
}

static void components_from(size_t first, size_t *count)
{
	size_t depth = 0, nopen = 0, enter = first;

	for (;;) {
		size_t v, w;

		if (enter != NONE) {
			++*count;
			node[enter] = (struct node){ *count, *count, 0, block[enter].address,
				                     true };
			path[depth++] = enter;
			opened[nopen++] = enter;
		}
		v = path[depth - 1];
		enter = NONE;
		w = next_neighbour(v);
		if (w != NONE) {
			if (node[w].index == 0)
				enter = w;
			else if (node[w].open && node[w].index < node[v].low)
				node[v].low = node[w].index;
			continue;
		}
		if (node[v].low == node[v].index) {
			components++;
			do {
				w = opened[--nopen];
				node[w].open = false;
				node[w].component = components;
			} while (w != v);
		}
		if (--depth == 0)
			return;
		w = path[depth - 1];
		if (node[v].low < node[w].low)
			node[w].low = node[v].low;
	}
}

void find_heads(void)
{
	size_t count = 0, w;
	bool *held;

	node = grab(blocks, sizeof(*node));
	path = grab(blocks, sizeof(*path));
	opened = grab(blocks, sizeof(*opened));
	for (size_t v = 0; v < blocks; v++)
		if (block[v].reach == UNREACHED && node[v].index == 0)
			components_from(v, &count);
	held = grab(components, sizeof(*held));
	for (size_t v = 0; v < blocks; v++) {
		if (block[v].reach != UNREACHED)
			continue;
		node[v].next = block[v].address;
		while ((w = next_neighbour(v)) != NONE)
			if (node[w].component != node[v].component)
				held[node[w].component] = true;
	}
	for (size_t v = 0; v < blocks; v++) { /* by address: a component's lowest is its head */
		if (block[v].reach != UNREACHED)
			continue;
		block[v].reach = held[node[v].component] ? INDIRECT : DEFINITE;
		held[node[v].component] = true;
	}
	free(held);
}
