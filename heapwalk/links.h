/*
 * links: are the doubly linked lists of free chunks whole? Following them reads chunk after chunk
 * in an order that memory is slow at; comparing sums needs nothing but the links of each chunk, in
 * any order, when the walk is there anyway: one sum over every forward link as a pair of places,
 * one over every backward link read the other way round. With the links of the list heads the two
 * are equal, as good as surely, if and only if each link has its counterpart. Where they differ the
 * lists are followed (free.c), to tell which link is wrong. Private to heapwalk/.
 */
#ifndef HEAPWALK_LINKS_H
#define HEAPWALK_LINKS_H

#include "heapwalk/walk.h"

/* Of a link between two places. Sums of it must not agree for other pairs of the same places. */
static inline uint64_t link_sum(vaddr from, vaddr to)
{
	uint64_t v = from * UINT64_C(0x9e3779b97f4a7c15) + to;

	v = (v ^ v >> 32) * UINT64_C(0xd6e8feb86659fd93);
	v = (v ^ v >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return v ^ v >> 32;
}

/* A free chunk and its links. */
static inline void links_add(struct walk *w, vaddr chunk, vaddr fd, vaddr bk)
{
	w->forward += link_sum(chunk, fd);
	w->backward += link_sum(bk, chunk);
}

/* Once all free chunks are added: are all lists of bins whole? */
bool links_whole(const struct walk *w);

#endif
