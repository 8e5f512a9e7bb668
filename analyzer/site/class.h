/*
 * class: used blocks that look alike, told apart by usable size and by what kind of word
 * stands where: the groups that a site is looked for. A few blocks of each are kept as samples. It
 * knows no site.
 */
#ifndef ANALYZER_SITE_CLASS_H
#define ANALYZER_SITE_CLASS_H

#include "analyzer/reach/reach.h"
#include "analyzer/site/marks.h"
#include "analyzer/type/type.h"
#include "formats/module.h"

#define CLASS_SAMPLES 12
#define CLASS_KEY     6 /* words of a block that its class is told by */
#define CLASS_NONE    UINT32_MAX

enum site_word {
	WORD_ZERO,
	WORD_SMALL,    /* a number below 2^16, or two of them in halves */
	WORD_START,    /* the start of a used block */
	WORD_INTERIOR, /* the inside of one */
	WORD_STATIC,   /* into a module */
	WORD_TEXT,     /* printable characters, the last ones may be NULs */
	WORD_OTHER,
	WORD_KINDS
};

struct class_sample {
	vaddr addr;
	const uint8_t *mem; /* of the core; len bytes in one piece */
	uint32_t len, id;
	uint64_t text; /* characters, if it is text; else 0 */
};

struct site_class {
	uint64_t key, size; /* usable bytes */
	uint64_t blocks;
	bool text; /* its blocks begin with printable characters and a NUL behind them */
	unsigned nsamples;
	struct class_sample sample[CLASS_SAMPLES];
};

struct site_classes {
	/* by id: a hash of who points to the block first, and where in it; 0: nobody. NULL: not
	 * looked for */
	uint32_t *context;
	uint64_t context_bytes;
	vaddr lowest, highest; /* of the heap; with context */
	const struct core *core;
	const struct heap *heap;
	const struct modules *modules;
	const struct site_marks *marks; /* what else tells blocks apart; NULL: nothing */
	const struct types *types;      /* the same */
	const struct reach *reach;      /* not NULL: only types of leaked blocks count */
	struct site_class *v;
	size_t n, cap;
	uint32_t *slot; /* open addressing by key: 1 + index */
	size_t nslots;
	size_t most; /* classes; what would be one more is in none */
};

/* Before all others; then marks, types and reach may be set. */
void site_classes_init(const struct core *core, const struct heap *heap,
                       const struct modules *modules, struct site_classes *out);

/* What this block is; NULL: not known, or no more than text. */
const struct type *site_class_type(const struct site_classes *classes, uint32_t id);

/*
 * Who points to blocks, for classes of content that tells little: text, plain numbers. One pass
 * over the used blocks, four bytes each of those that there are. Before site_classes_make.
 */
void site_classes_context(struct site_classes *classes);

/* Sorts the blocks whose bit by id is set into classes; NULL: all used ones. site_classes_free. */
void site_classes_make(struct site_classes *classes, const uint64_t *bits, size_t most);
void site_classes_free(struct site_classes *classes);

/* The class that a block is, or would be, in; CLASS_NONE: none. */
uint32_t site_class_of(const struct site_classes *classes, const struct block *block);

/* The same; where none of the blocks was like it, a class of this one alone. */
uint32_t site_class_made(struct site_classes *classes, const struct block *block);

enum site_word site_word_kind(const struct site_classes *classes, uint64_t word);

/*
 * What may be an address, a stale one too: where the kernel put things decides what its bytes are.
 * x86-64 Linux has programs and their heaps at 0x55.. and 0x56.. (ELF_ET_DYN_BASE), the rest at
 * 0x7f.. . Fixed addresses are told by the core's map.
 */
bool site_word_address(const struct core *core, uint64_t word);

/* Is this text, and no address? With a NUL behind it, or long. *length: characters. */
bool site_text_at(const struct core *core, const uint8_t *mem, uint64_t size, uint64_t *length);

#endif
