/*
 * pthread: where each thread's struct pthread and thread pointer are, and where the fields of the
 * struct lie, which glibc has kept for long (nptl/descr.h): DWARF of Debian's 2.31, 2.36, 2.41 and
 * 2.43 agree on each machine. On x86-64 the thread pointer leads to the struct and static TLS lies
 * below it; on aarch64 the struct ends at the thread pointer and static TLS lies above.
 */
#ifndef HEAPWALK_PTHREAD_H
#define HEAPWALK_PTHREAD_H

#include "formats/core.h"

struct pthread_layout {
	unsigned self; /* word that holds the struct's own address, as the first does; 0: neither */
	unsigned list; /* links of a circular list: next, prev */
	unsigned tid;
	unsigned stack, stack_size, guard;
	unsigned min; /* bytes: no struct was ever shorter */
	uint64_t max; /* bytes from it to the end of the stack block, at most */
};
const struct pthread_layout *pthread_layout(const struct core *core);

/*
 * By index into core.thread: the thread pointer and the struct's address; 0 where unknown. Where
 * the core has no thread pointer (qemu's cores of aarch64) both are found by the struct's tid and
 * list. Arrays of core->nthreads, owned by the caller: mem_free.
 */
void pthreads_find(const struct core *core, vaddr **tp, vaddr **pthread);

#endif
