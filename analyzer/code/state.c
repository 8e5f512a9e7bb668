#include "analyzer/code/state.h"

/* System V ABI, AMD64: rdi, rsi, rdx, rcx, r8, r9. */
static const uint8_t arguments[] = { CODE_RDI, CODE_RSI, CODE_RDX, CODE_RCX, CODE_R8, CODE_R9 };

static void symbols(struct flow_state *state, uint32_t id)
{
	for (unsigned i = 0; i < CODE_REGS; i++)
		state->reg[i] = value_symbol(id | i);
	for (unsigned i = 0; i < CODE_VECTORS; i++)
		for (unsigned j = 0; j < STATE_HALF; j++)
			state->vec[i][j] = (struct value){ 0 };
	state->nslots = 0;
}

void state_enter(struct flow_state *state)
{
	symbols(state, UINT32_MAX & ~31u);
	state->reg[CODE_RSP] = (struct value){ .kind = VALUE_STACK };
	for (uint32_t i = 0; i < sizeof(arguments); i++)
		state->reg[arguments[i]] = (struct value){ .kind = VALUE_ARG, .id = i, .scale = 1 };
}

void state_forget(struct flow_state *state, const struct flow_state *base)
{
	struct value sp = { 0 }, bp = { 0 };

	if (base) {
		sp = base->reg[CODE_RSP];
		bp = base->reg[CODE_RBP];
	}
	symbols(state, UINT32_MAX & ~63u);
	if (base) {
		state->reg[CODE_RSP] = sp;
		if (bp.kind == VALUE_STACK)
			state->reg[CODE_RBP] = bp;
	}
}

void state_spoil(struct flow_state *state, int64_t at, int64_t bytes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < state->nslots; i++) {
		const struct slot *s = &state->slot[i];
		bool apart = s->at >= at ? s->at - at >= bytes : at - s->at >= (int64_t)s->width;

		if (apart)
			state->slot[n++] = *s;
	}
	state->nslots = n;
}

void state_store(struct flow_state *state, int64_t at, unsigned width, const struct value *value)
{
	if (at < -(INT64_C(1) << 31) || at > INT64_C(1) << 31)
		return;
	state_spoil(state, at, width);
	if (value->kind == VALUE_NONE || state->nslots == STATE_SLOTS)
		return;
	state->slot[state->nslots++] = (struct slot){ at, width, *value };
}

const struct value *state_load(const struct flow_state *state, int64_t at, unsigned width)
{
	for (unsigned i = 0; i < state->nslots; i++)
		if (state->slot[i].at == at && state->slot[i].width == width)
			return &state->slot[i].value;
	return NULL;
}

void state_join(struct flow_state *into, const struct flow_state *other, uint32_t label)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CODE_REGS; i++)
		into->reg[i] = value_join(into->reg[i], other->reg[i], label | i);
	for (unsigned i = 0; i < CODE_VECTORS; i++)
		for (unsigned j = 0; j < STATE_HALF; j++)
			if (!value_same(&into->vec[i][j], &other->vec[i][j]))
				into->vec[i][j] = (struct value){ 0 };
	for (unsigned i = 0; i < into->nslots; i++) {
		struct slot s = into->slot[i];
		const struct value *v = state_load(other, s.at, s.width);

		if (!v)
			continue;
		s.value = value_join(s.value, *v, label | (16 + n % 16));
		into->slot[n++] = s;
	}
	into->nslots = n;
}

void state_replace(struct flow_state *state, const struct value *old, struct value with)
{
	for (unsigned i = 0; i < CODE_REGS; i++)
		if (value_same(&state->reg[i], old))
			state->reg[i] = with;
	for (unsigned i = 0; i < state->nslots; i++)
		if (value_same(&state->slot[i].value, old))
			state->slot[i].value = with;
}

void state_copy(struct flow_state *to, const struct flow_state *from)
{
	memcpy(to, from, offsetof(struct flow_state, slot));
	memcpy(to->slot, from->slot, from->nslots * sizeof(*from->slot));
	to->nslots = from->nslots;
}
