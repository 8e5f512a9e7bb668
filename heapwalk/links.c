#include "heapwalk/links.h"

bool links_whole(const struct walk *w)
{
	uint64_t forward = w->forward, backward = w->backward;

	for (size_t i = 0; i < w->heap->narenas; i++) {
		const struct arena *a = &w->heap->arena[i];
		vaddr head = a->addr + w->heap->instance[a->instance].state->bins - 16;

		for (unsigned bin = 1; bin < 128; bin++, head += 16) {
			uint64_t fd, bk;

			if (!core_read64(w->core, head + 16, &fd) ||
			    !core_read64(w->core, head + 24, &bk))
				return false;
			forward += link_sum(head, fd);
			backward += link_sum(bk, head);
		}
	}
	return forward == backward;
}
