/*
 * place: what is at an address of the dead process, in words for a stranger: a block, malloc's own
 * memory, whose stack and which part of it, which symbol of which module, a mapping, nothing. It
 * knows nothing of who points there.
 */
#ifndef ANALYZER_PROCESS_PLACE_H
#define ANALYZER_PROCESS_PLACE_H

#include "analyzer/analysis.h"
#include "analyzer/memory/ledger.h"
#include "analyzer/reach/path.h"
#include "analyzer/type/pymalloc.h"
#include "formats/unwind.h"

enum place_kind {
	PLACE_BLOCK,    /* user bytes of a block, in whatever state */
	PLACE_HEADER,   /* the 16 bytes in front of a block that belong to no other block */
	PLACE_MALLOC,   /* malloc's own: main_arena, arena header, the rest of a heap's mapping */
	PLACE_STACK,    /* used part of a live thread's stack */
	PLACE_RED_ZONE, /* 128 bytes below the stack pointer: in use, too */
	PLACE_STACK_UNUSED, /* below that: leftovers */
	PLACE_STACK_EXITED, /* of a thread that has exited */
	PLACE_GUARD,        /* below a stack */
	PLACE_TLS,          /* a live thread's static TLS and its struct pthread */
	PLACE_MODULE,       /* an ELF file's text, data or bss */
	PLACE_MAPPING,      /* any other mapping */
	PLACE_UNMAPPED,
	PLACE_KINDS
};
const char *place_kind_name(enum place_kind kind); /* "block", "chunk-header", "malloc", ... */

struct place {
	vaddr at;
	enum place_kind kind;
	bool saved;                     /* this byte is in the core */
	const struct segment *segment;  /* NULL: unmapped */
	const struct ledger_part *part; /* NULL: unmapped */
	struct block block;             /* BLOCK, HEADER */
	const char *what;               /* MALLOC: in words */
	vaddr base; /* MALLOC: where that begins; TLS: the thread pointer, 0: unknown */
	const struct stack *stack; /* STACK ... TLS; NULL: main thread's TLS */
	int thread;                /* STACK ... TLS: index into core.thread, -1: none */
	const char *function;      /* STACK: whose frame; NULL: not known */
	const char *inlined;       /* STACK: the function that variable is of, if it is another */
	struct symbol symbol;      /* MODULE; TLS: the variable, as far as it is known */
	const char *variable; /* MODULE, TLS, STACK: variable and member, where debug information
	                         tells; owned by places */
	struct pymalloc_block python;        /* MAPPING: what CPython has there; size 0: nothing */
	const struct segment *below, *above; /* UNMAPPED: the neighbours; NULL: none */
};

/* What answering costs once: the ledger, and backtraces of the threads that were asked about. */
struct places {
	struct analysis *a;
	struct ledger ledger;
	struct place_frames *frames; /* by thread; private */
	struct pyobjects python;     /* CPython's; core NULL: it is not in this process */
	struct pool pool;
};

/* Runs the stages up to the roots. The caller ends with places_close. */
void places_open(struct analysis *a, struct places *places);
void places_close(struct places *places);

/* Variables of a thread's functions, as far as debug information tells: those of the executable
 * are. */
const struct locals *place_locals(struct places *places, size_t thread);

void place_find(struct places *places, vaddr at, struct place *place);

/*
 * One phrase, without its address: "stack of thread 4711, in the frame of main". Owned by pool; a
 * name in it is as the core has it (not made safe for a terminal).
 */
const char *place_text(struct places *places, const struct place *place, struct pool *pool);

/* The root that a path begins at, as place_text has it; "rax of thread 4711". Owned by pool. */
const char *place_root(struct places *places, const struct path_step *step, struct pool *pool);

/* "name+0x18 in /path", "/path+0x4018"; offsets within the module are what addr2line wants. */
const char *place_symbol(const struct symbol *symbol, struct pool *pool);

/* "brk heap", "arena 3", "mmapped chunk", "stack of thread 4711", "/usr/bin/x, data", ... */
const char *place_part(struct places *places, const struct ledger_part *part, struct pool *pool);

#endif
