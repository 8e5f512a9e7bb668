/*
 * step: what one instruction does to the state. Private to flow.
 */
#ifndef ANALYZER_CODE_STEP_H
#define ANALYZER_CODE_STEP_H

#include "analyzer/code/flow.h"
#include "analyzer/code/state.h"

struct flow {
	const struct functions *functions;
	const struct code_decoder *decoder;
	uint64_t start, end;
	struct flow_sink *sink;
	struct flow_state now, elsewhere, aside;
	struct value tested; /* a block that was just compared with NULL; else VALUE_NONE */
	bool alive;          /* control comes here from above, or a label */
	bool indirect;       /* elsewhere is the state of a jump through a table */
	bool loops, final;
};

#define FLOW_ID_LOAD 12 /* of those 5 bits: what an instruction loaded from memory */

/* Names what comes of the instruction at this address; the lowest 5 bits are free. */
static inline uint32_t flow_id(const struct flow *flow, uint64_t at)
{
	return (uint32_t)(at - flow->start) << 5;
}

/* Any instruction but those that change where control goes. */
void flow_step(struct flow *flow, const struct code_insn *insn);

/* A call, or (tail) a jump out of the function. */
void flow_called(struct flow *flow, const struct code_insn *insn, bool tail);

#endif
