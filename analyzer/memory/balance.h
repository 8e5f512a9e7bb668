/*
 * balance: the ledger drawn up: how many bytes of address space each owner has, how many of them
 * the core saved, and how many were resident as far as it tells. Each byte of each mapping is in
 * exactly one line, so that the lines add up to the mappings. A chunk's header belongs to malloc,
 * what follows it to the block. It knows nothing of who points to what.
 *
 * Residency is told by pages: a page is resident if it was saved and is not all zero (core.h), and
 * then all its bytes are. Nothing tells it of what was not saved: pages of files that the process
 * never wrote to (fs/coredump.c vma_dump_size), what MADV_DONTDUMP or a cut file left out. Those
 * bytes are counted as unknown.
 */
#ifndef ANALYZER_MEMORY_BALANCE_H
#define ANALYZER_MEMORY_BALANCE_H

#include "analyzer/memory/ledger.h"

enum balance_owner {
	OWNER_IN_USE,       /* blocks in arenas, handed out */
	OWNER_MMAPPED,      /* blocks with a mapping of their own, handed out */
	OWNER_TOP,          /* free, at the end of an arena */
	OWNER_BINS,         /* free, in bins */
	OWNER_TCACHE,       /* free, in a thread's cache */
	OWNER_FASTBINS,     /* free, in fastbins */
	OWNER_MALLOC,       /* chunk headers, arena headers, tcache structs, what fills up pages */
	OWNER_DAMAGED,      /* heap of unknown content: damaged, or not saved */
	OWNER_GROWTH,       /* address space that arenas may grow into */
	OWNER_STACK,        /* live threads' stacks: in use */
	OWNER_STACK_UNUSED, /* below that, touched or not */
	OWNER_STACK_EXITED, /* kept for the next thread; their TLS included */
	OWNER_GUARD,        /* below stacks */
	OWNER_TLS,          /* live threads' static TLS and struct pthread */
	OWNER_TEXT,
	OWNER_RODATA,
	OWNER_DATA,
	OWNER_BSS,
	OWNER_FILE_PRIVATE, /* of files that are no modules */
	OWNER_FILE_SHARED,
	OWNER_FILE,   /* the same, where the core does not tell which */
	OWNER_SHARED, /* memory with a name: tmpfs, SysV, memfd, shared anonymous */
	OWNER_ANON,   /* mapped by the program or a library for itself */
	OWNER_CODE,   /* the same, executable: a JIT's */
	OWNER_NONE,   /* without access rights: guards and reserves */
	OWNER_KERNEL, /* vdso, vvar, vsyscall */
	OWNERS
};
const char *balance_owner_name(enum balance_owner owner); /* "malloc-in-use", "stack", ... */

enum balance_sharing {
	SHARING_PRIVATE_ANON,
	SHARING_PRIVATE_FILE,
	SHARING_SHARED_ANON, /* tmpfs included, as in the kernel's RssShmem */
	SHARING_SHARED_FILE,
	SHARING_FILE, /* of a file, never written to: private or shared, a core does not tell */
	SHARINGS
};
const char *balance_sharing_name(enum balance_sharing sharing); /* "private-anonymous", ... */

struct balance_line { /* bytes */
	uint64_t bytes, saved, resident;
	uint64_t unknown; /* of those not saved: whether they were resident is not known */
};

struct balance_place {
	vaddr start, end; /* 0, 0: none */
	struct balance_line sum;
};

struct balance {
	struct balance_line owner[OWNERS], sharing[SHARINGS], total;
	uint64_t mapped[LEDGER_KINDS], resident[LEDGER_KINDS];
	/* of owners outside arenas: the range with the most resident or unknown bytes, and the one
	 * with the most bytes that were not */
	struct balance_place busiest[OWNERS], idlest[OWNERS];
	struct {
		uint64_t live, exited; /* number, the initial thread's among the live */
		uint64_t size;         /* bytes: the largest one of another thread */
		uint64_t deepest;      /* resident bytes of the one of them that has most */
	} stacks;
};

/* core, heap and stacks are those that the ledger was made of. */
void balance_make(const struct core *core, const struct heap *heap, const struct stacks *stacks,
                  const struct ledger *ledger, struct balance *out);

enum balance_sharing balance_sharing_of(const struct core *core, const struct ledger_part *part);

#endif
