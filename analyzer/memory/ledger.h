/*
 * ledger: whose every mapped byte is. The mappings of a core are cut into parts so that each byte
 * belongs to exactly one part and each part to exactly one owner: a region of malloc, a thread's
 * stack, a module, or nobody known. It knows nothing of blocks within malloc's regions.
 */
#ifndef ANALYZER_MEMORY_LEDGER_H
#define ANALYZER_MEMORY_LEDGER_H

#include "analyzer/reach/stack.h"
#include "formats/module.h"

enum ledger_kind {
	LEDGER_HEAP,    /* main arena, grown by brk. owner: heap.span */
	LEDGER_ARENA,   /* region of another arena, or one that the main arena mmapped. heap.span */
	LEDGER_MMAPPED, /* one mmapped chunk. heap.span */
	LEDGER_RESERVE, /* address space that an arena may grow into. heap.span */
	LEDGER_STACK,   /* TLS and struct pthread included. stacks.v */
	LEDGER_GUARD,   /* below a stack. stacks.v */
	LEDGER_TEXT,    /* executable pages of a file. modules.v, or nobody */
	LEDGER_RODATA,  /* read-only pages of a file, relocated ones included. modules.v, or nobody
	                 */
	LEDGER_DATA,    /* writable pages of a module's file. modules.v */
	LEDGER_BSS,     /* anonymous pages behind a module's data. modules.v */
	LEDGER_FILE,    /* pages of a file that is no module */
	LEDGER_SHARED,  /* memfd, SysV, /dev/zero: memory with a name */
	LEDGER_ANON,    /* anonymous memory of somebody else: mmap, another allocator, a JIT */
	LEDGER_NONE,    /* address space without access rights */
	LEDGER_VDSO,    /* the kernel's code in the process */
	LEDGER_VVAR,    /* the kernel's data beside it */
	LEDGER_KINDS
};
const char *ledger_kind_name(enum ledger_kind kind); /* "heap", "arena", "mmapped-chunk", ... */

#define LEDGER_NOBODY UINT32_MAX

struct ledger_part {
	vaddr start, end;
	enum ledger_kind kind;
	uint32_t owner;   /* index, see ledger_kind; LEDGER_NOBODY where there is none */
	uint32_t segment; /* index into core.seg */
};

struct ledger {
	struct ledger_part *v; /* sorted; together exactly the bytes of core.seg */
	size_t n;
};

/* *out is owned by the caller: ledger_free. */
void ledger_make(const struct core *core, const struct modules *modules, const struct heap *heap,
                 const struct stacks *stacks, struct ledger *out);
void ledger_free(struct ledger *ledger);

/* The part that holds at, or NULL: not mapped. */
const struct ledger_part *ledger_at(const struct ledger *ledger, vaddr at);

/* Index of the first part that ends after at; ledger->n if there is none. */
size_t ledger_from(const struct ledger *ledger, vaddr at);

#endif
