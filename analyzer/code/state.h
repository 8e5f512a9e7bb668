/*
 * state: registers and stack slots at one point of a function. Slots are counted from the
 * stack pointer at entry. It knows no instruction. Private to flow.
 */
#ifndef ANALYZER_CODE_STATE_H
#define ANALYZER_CODE_STATE_H

#include "analyzer/code/value.h"
#include "formats/code.h"

#define STATE_SLOTS 192 /* the first so many are kept */
#define STATE_HALF  2   /* halves of a vector register, 8 bytes each */

struct slot {
	int64_t at;
	unsigned width; /* bytes */
	struct value value;
};

struct flow_state {
	struct value reg[CODE_REGS];
	struct value vec[CODE_VECTORS][STATE_HALF];
	struct slot slot[STATE_SLOTS];
	unsigned nslots;
};

/* At a function's first instruction. */
void state_enter(struct flow_state *state);

/* Nothing is known but where the stack is, if base is not NULL: as there. */
void state_forget(struct flow_state *state, const struct flow_state *base);

void state_store(struct flow_state *state, int64_t at, unsigned width, const struct value *value);
/* NULL: nothing is known. */
const struct value *state_load(const struct flow_state *state, int64_t at, unsigned width);
/* Slots in [at, at + bytes) may have changed. */
void state_spoil(struct flow_state *state, int64_t at, int64_t bytes);

/* What holds in both goes to into; label tells one meeting point from another. */
void state_join(struct flow_state *into, const struct flow_state *other, uint32_t label);

/* Everything that has the value old gets another. */
void state_replace(struct flow_state *state, const struct value *old, struct value with);
void state_copy(struct flow_state *to, const struct flow_state *from);

#endif
