/*
 * plan: a heap as it is known before its chunks are: each region stands for a span. And what is
 * made from spans, of the plan and later of the heap itself. Private to heapwalk/.
 */
#ifndef HEAPWALK_PLAN_H
#define HEAPWALK_PLAN_H

#include "heapwalk/split.h"

/* Fills in w->heap's spans, with the cells' numbers that the split gives, slots and owned. */
void plan_make(struct walk *w, const struct split *split, struct parking *parking);
void plan_drop(struct heap *heap);

void span_slots_make(struct heap *heap); /* heap.slot, from heap.span */
void span_slots_free(struct heap *heap);
void owned_list(struct walk *w); /* heap.owned, from heap.span */

#endif
