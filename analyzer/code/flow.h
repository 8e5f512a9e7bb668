/*
 * flow: reads one function of machine code in the order of its addresses and keeps what is
 * known of registers and stack slots; states meet at the targets of jumps, and where there are
 * loops, the function is read a second time with what the first reading saw at their ends. What it
 * comes across (calls, stores, returns) goes to a sink. It knows no allocator.
 *
 * It is no proof: aliases and indirect jumps are guessed at. What comes of it is evidence.
 */
#ifndef ANALYZER_CODE_FLOW_H
#define ANALYZER_CODE_FLOW_H

#include "analyzer/code/value.h"
#include "formats/code.h"
#include "formats/function.h"

#define FLOW_ARGS 6

struct flow;

struct flow_call {
	uint64_t at, next; /* address of the call, and of what comes behind it */
	uint64_t target;   /* in this module; 0: not known, or elsewhere */
	const char *name;  /* of what is called; NULL: none known */
	uint64_t variable; /* what is called is what the loader, or who keeps it, wrote there; 0 */
	bool member;       /* it is what a member of some struct holds, at this offset */
	uint64_t offset;
	struct value arg[FLOW_ARGS];
	bool tail;  /* a jump: the result is this function's */
	bool final; /* the last reading: facts may be kept */
};

struct flow_sink {
	uint64_t at; /* the instruction that is read */
	/* What the call returns; VALUE_NONE: not known. */
	struct value (*call)(struct flow_sink *sink, struct flow *flow,
	                     const struct flow_call *call);
	/* to: where; from here on only on the last reading. */
	void (*store)(struct flow_sink *sink, const struct value *to, unsigned width,
	              const struct value *value);
	void (*result)(struct flow_sink *sink, const struct value *value);
};

struct flow_limits {
	uint64_t insns; /* that may still be read; counts down */
};

/* Reads [start, end) of functions' code. False: the limit is used up. */
bool flow_read(const struct functions *functions, const struct code_decoder *decoder,
               uint64_t start, uint64_t end, struct flow_sink *sink, struct flow_limits *limits);

/* For sinks: memory at `to` becomes value (posix_memalign's result). */
void flow_put(struct flow *flow, const struct value *to, const struct value *value);

/* The import that a stub of the procedure linkage table jumps to; NULL: no such stub is there. */
const char *flow_stub(const struct functions *functions, uint64_t at);

#endif
