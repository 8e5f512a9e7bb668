/*
 * sandbox: what this process can do no more once it reads a core, whatever the core makes of it:
 * become another program or start one, reach other processes or the network, change files but the
 * output and the cache. It can still read what its user can, and use memory and time: files of
 * modules may lie anywhere, and what a core of terabytes needs no limit can foresee (see
 * --max-memory).
 */
#ifndef ANALYZER_COMMAND_SANDBOX_H
#define ANALYZER_COMMAND_SANDBOX_H

#include "formats/base.h"

struct sandbox {
	const char *output; /* a file that is replaced by one beside it at the end; NULL: none */
	size_t inputs;      /* cores that will be opened */
	bool cache;         /* what is worked out from files is kept: the folder is made */
	bool network;       /* debuginfod servers may be asked */
	/* As in syscalls.h. */
	void (*taken_over)(const char *call);
};

enum sandbox_state {
	SANDBOX_ON,
	SANDBOX_PARTLY,   /* without Landlock, which the kernel lacks: files can be made and renamed
	                     anywhere */
	SANDBOX_NONE,     /* the kernel lacks filters of system calls */
	SANDBOX_LEFT_OUT, /* of builds with sanitizers: their run-time traces us at the end */
	SANDBOX_FAILED,   /* err says why */
};

/* For good, and before threads are started or the first byte of a core is read. */
enum sandbox_state sandbox_enter(const struct sandbox *sandbox, struct err *err);

#endif
