/*
 * chase: the way through a long list whose blocks lie scattered. Followed from its head, each step
 * waits for memory by itself. So many places on it are set out from at once, by guess, and what is
 * learned is only which of them the head leads to: from those on, marking goes on in many places at
 * a time. It marks nothing. Private to mark.c.
 */
#ifndef ANALYZER_REACH_CHASE_H
#define ANALYZER_REACH_CHASE_H

#include "analyzer/reach/marker.h"

#define CHASE_LEGS 8192 /* places to set out from, at most */

/*
 * Blocks further on in the lists that these n blocks, which are to be scanned, are the heads of:
 * left ones, which they lead to by links that lie in one place in each block. Their number; 0:
 * none, or they are no lists. chunk has room for CHASE_LEGS. Nothing is to be found, and is
 * afterwards.
 */
size_t chase_lists(struct marker *m, const vaddr *head, size_t n, vaddr *chunk);

#endif
