/* Calls: what is called, by which name, and what is left of the state behind it. */
#include "analyzer/code/step.h"

#define SPOILED 32 /* bytes of a local that a callee may write when it gets its address */

/* System V ABI, AMD64. */
static const uint8_t arguments[FLOW_ARGS] = { CODE_RDI, CODE_RSI, CODE_RDX,
	                                      CODE_RCX, CODE_R8,  CODE_R9 };
static const uint8_t volatiles[] = { CODE_RAX, CODE_RCX, CODE_RDX, CODE_RSI, CODE_RDI,
	                             CODE_R8,  CODE_R9,  CODE_R10, CODE_R11 };

const char *flow_stub(const struct functions *functions, uint64_t at)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const uint8_t *p = function_code(functions, at, 6);
	int32_t distance;

	if (p && !memcmp(p, endbr, sizeof(endbr))) {
		at += sizeof(endbr);
		p = function_code(functions, at, 6);
	}
	if (p && *p == 0xf2) { /* bnd */
		at++;
		p = function_code(functions, at, 6);
	}
	if (!p || p[0] != 0xff || p[1] != 0x25)
		return NULL;
	memcpy(&distance, p + 2, sizeof(distance));
	return function_slot(functions, at + 6 + (uint64_t)(int64_t)distance);
}

/* Memory that is neither a variable nor a local, in terms of what points to it. */
static bool is_member(const struct code_operand *o)
{
	return o->kind == CODE_MEMORY && !o->absolute && !o->apart && o->reg != CODE_NO_REG &&
	       o->reg != CODE_RSP && o->index == CODE_NO_REG && o->number >= 0;
}

static void name_member(const struct code_operand *o, struct flow_call *call)
{
	if (!is_member(o))
		return;
	call->member = true;
	call->offset = (uint64_t)o->number;
}

/* The instruction that loaded what the register holds tells from where. */
static void name_loaded(const struct flow *flow, const struct value *v, struct flow_call *call)
{
	uint64_t at = flow->start + (v->id >> 5), left = flow->end - at;
	const uint8_t *code = function_code(flow->functions, at, left);
	struct code_insn insn;

	if (v->kind != VALUE_SYMBOL || v->scale != 1 || v->add || (v->id & 31) != FLOW_ID_LOAD ||
	    at >= flow->end || !code || !code_decode(flow->decoder, code, left, at, &insn) ||
	    insn.op != CODE_MOVE)
		return;
	name_member(&insn.operand[1], call);
}

/* A call by way of a pointer. */
static void name_pointer(const struct flow *flow, const struct code_operand *o,
                         struct flow_call *call)
{
	const struct value *v;

	if (o->kind == CODE_MEMORY && o->absolute && !o->apart) {
		call->variable = (uint64_t)o->number;
	} else if (o->kind == CODE_MEMORY) {
		name_member(o, call);
	} else if (o->kind == CODE_GENERAL) {
		v = &flow->now.reg[o->reg];
		if (v->kind == VALUE_LOADED && !v->add) /* a pointer from the GOT */
			call->variable = (uint64_t)v->scale;
		else
			name_loaded(flow, v, call);
	}
	if (call->variable)
		call->name = function_slot(flow->functions, call->variable);
}

static void name_target(const struct flow *flow, const struct code_insn *insn,
                        struct flow_call *call)
{
	const struct function *f;

	if (!insn->target) {
		name_pointer(flow, &insn->operand[0], call);
		return;
	}
	call->name = flow_stub(flow->functions, insn->target);
	if (call->name)
		return;
	f = function_at(flow->functions, insn->target);
	if (f && f->start == insn->target) {
		call->target = insn->target;
		call->name = f->name;
	}
}

static void clobber(struct flow *flow, const struct code_insn *insn)
{
	for (unsigned i = 0; i < FLOW_ARGS; i++) {
		const struct value *v = &flow->now.reg[arguments[i]];

		if (v->kind == VALUE_STACK)
			state_spoil(&flow->now, v->add, SPOILED);
	}
	for (unsigned i = 0; i < sizeof(volatiles); i++)
		flow->now.reg[volatiles[i]] = value_symbol(flow_id(flow, insn->at) | volatiles[i]);
	memset(flow->now.vec, 0, sizeof(flow->now.vec));
}

void flow_called(struct flow *flow, const struct code_insn *insn, bool tail)
{
	struct flow_call call = {
		.at = insn->at, .next = insn->at + insn->length, .tail = tail, .final = flow->final
	};
	struct value result;

	for (unsigned i = 0; i < FLOW_ARGS; i++)
		call.arg[i] = flow->now.reg[arguments[i]];
	name_target(flow, insn, &call);
	if (tail && !call.target && !call.name && !call.variable && !call.member)
		return;
	clobber(flow, insn);
	result = flow->sink->call(flow->sink, flow, &call);
	if (result.kind != VALUE_NONE)
		flow->now.reg[CODE_RAX] = result;
	if (tail && flow->final)
		flow->sink->result(flow->sink, &flow->now.reg[CODE_RAX]);
}
