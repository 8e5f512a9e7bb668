/*
 * sample: which blocks of a large heap are looked at for what blocks are like: of each size a
 * part, leaked ones and others apart, the same ones whoever asks. It knows no site and no class.
 */
#ifndef ANALYZER_SITE_SAMPLE_H
#define ANALYZER_SITE_SAMPLE_H

#include "analyzer/reach/reach.h"

/* Blocks that are picked, at most. */
#define SAMPLE_MOST 8192

/*
 * As bits by id; of each size, and of leaked and other blocks, as many of each as there is room
 * for. The headers of at most 4 times SAMPLE_MOST blocks are read, in runs. Owned by the caller:
 * mem_lazy_free with heap.bits_bytes.
 */
uint64_t *site_sample(const struct heap *heap, const struct reach *reach);

#endif
