/*
 * pthread: where each thread's struct pthread and thread pointer are, and where the fields of the
 * struct lie, which glibc has kept for long (nptl/descr.h): DWARF of Debian's 2.31, 2.36, 2.41 and
 * 2.43 agree on x86-64 and aarch64; on i386 the stack's fields are at 0x270, 0x260, 0x260, 0x268.
 * On x86-64 and i386 the thread pointer leads to the struct and static TLS lies below it; on
 * aarch64 the struct ends at the thread pointer and static TLS lies above.
 */
#ifndef HEAPWALK_PTHREAD_H
#define HEAPWALK_PTHREAD_H

#include "formats/core.h"

struct pthread_layout {
	unsigned self; /* word that holds the struct's own address, as the first does; 0: neither */
	unsigned list; /* links of a circular list: next, prev */
	unsigned tid;
	unsigned stack, stack_last;  /* words: stack block, its size, guard; the first place and the
	                                last one, two words apart each */
	unsigned min;                /* bytes: no struct was ever shorter */
	uint64_t max;                /* bytes from it to the end of the stack block, at most */
	unsigned page_from, page_to; /* where in a page a struct with self pointers may begin */
};
const struct pthread_layout *pthread_layout(const struct core *core);

/* The stack block of the struct at at. False: what stands there makes no sense. */
struct pthread_stack {
	vaddr start;
	uint64_t size, guard; /* bytes; guard as it stands there, unchecked */
};
bool pthread_stack(const struct core *core, vaddr at, struct pthread_stack *out);

/*
 * By index into core.thread: the thread pointer and the struct's address; 0 where unknown. Where
 * the core has no thread pointer (qemu's cores of aarch64, gcore's of i386) both are found by the
 * struct's tid and list. Arrays of core->nthreads, owned by the caller: mem_free.
 */
void pthreads_find(const struct core *core, vaddr **tp, vaddr **pthread);

#endif
