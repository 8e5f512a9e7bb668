#include "heapwalk/links.h"

bool links_whole(const struct walk *w)
{
	uint64_t forward = w->forward, backward = w->backward;

	for (size_t i = 0; i < w->heap->narenas; i++) {
		const struct arena *a = &w->heap->arena[i];
		vaddr head = a->addr + w->heap->instance[a->instance].state->bins - CHUNK_HEADER;

		for (unsigned bin = 1; bin < 128; bin++, head += 2 * w->word) {
			vaddr fd, bk;

			if (!chunk_read(w->core, head + 16, &fd) ||
			    !chunk_read(w->core, head + 16 + w->word, &bk))
				return false;
			forward += link_sum(head, fd);
			backward += link_sum(bk, head);
		}
	}
	return forward == backward;
}
