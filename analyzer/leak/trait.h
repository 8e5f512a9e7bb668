/*
 * trait: what the blocks of a leak have in common although nobody knows their type: at one offset
 * all have the address of the same function or variable, point to the same block, or to text of one
 * form. A program without symbols is told by these: its callbacks and tables still have addresses
 * in files, and its text still looks like paths. It tells the form of text, never the text, and is
 * no part of a fingerprint.
 */
#ifndef ANALYZER_LEAK_TRAIT_H
#define ANALYZER_LEAK_TRAIT_H

#include "analyzer/analysis.h"

struct report;

/*
 * Sets traits of the largest findings, from the blocks that were picked of them (pick.h). At most
 * so many findings, blocks and words of each are looked at that the size of the heap makes no
 * difference; which root holds what they point to is asked of small heaps only. After the groups.
 */
void report_add_traits(struct report *report, struct analysis *a);

/*
 * What n bytes look like: "paths", "URLs", "numbers", "words" ... one of some static names, "text"
 * where no other fits; NULL: they are no text. Up to its NUL, or to the end of what is looked at.
 */
const char *text_form(const char *s, size_t n);

#endif
