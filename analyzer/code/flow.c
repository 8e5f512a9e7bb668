/*
 * The instructions of a function one after the other; what each does to the state is in
 * step.c. Here: where control goes, and what is known where ways meet.
 *
 * A jump forward leaves the state at its target, where it is joined with what comes from above. A
 * jump back is a loop: its state is kept for a second reading. Behind a jump or return to which no
 * jump led (the cases of a switch, landing pads) the state is that of the last indirect jump.
 */
#include "analyzer/code/step.h"

#define STATES_MAX 2048 /* kept at a time */

struct meeting {
	uint64_t at; /* 0: empty */
	struct flow_state *state;
	bool back; /* of a jump back, for the second reading */
};

struct meetings {
	struct meeting *v;
	size_t cap; /* a power of two */
	size_t n, live;
};

static struct meeting *meeting_of(struct meetings *m, uint64_t at, bool back)
{
	size_t i = (size_t)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (m->cap - 1);

	while (m->v[i].at && (m->v[i].at != at || m->v[i].back != back))
		i = (i + 1) & (m->cap - 1);
	return &m->v[i];
}

static void meetings_grow(struct meetings *m)
{
	struct meetings bigger = { .cap = m->cap ? m->cap * 2 : 64, .n = m->n, .live = m->live };

	bigger.v = mem_alloc(bigger.cap, sizeof(*bigger.v));
	for (size_t i = 0; i < m->cap; i++)
		if (m->v[i].at)
			*meeting_of(&bigger, m->v[i].at, m->v[i].back) = m->v[i];
	mem_free(m->v);
	*m = bigger;
}

static void meetings_free(struct meetings *m)
{
	for (size_t i = 0; i < m->cap; i++)
		mem_free(m->v[i].state);
	mem_free(m->v);
}

/* Leaves a state at a label. */
static void leave(struct meetings *m, uint64_t at, bool back, const struct flow_state *state,
                  uint32_t label)
{
	struct meeting *slot;

	if (m->n * 2 >= m->cap)
		meetings_grow(m);
	slot = meeting_of(m, at, back);
	if (slot->state) {
		state_join(slot->state, state, label);
		return;
	}
	if (m->live == STATES_MAX)
		return;
	if (!slot->at)
		m->n++;
	*slot = (struct meeting){ at, mem_alloc(1, sizeof(*state)), back };
	state_copy(slot->state, state);
	m->live++;
}

/* Joins what was left at this address, if anything was. */
static void meet(struct flow *flow, struct meetings *m, uint64_t at, bool back)
{
	struct meeting *slot = m->cap ? meeting_of(m, at, back) : NULL;

	if (!slot || !slot->state)
		return;
	if (flow->alive)
		state_join(&flow->now, slot->state, flow_id(flow, at));
	else
		state_copy(&flow->now, slot->state);
	flow->alive = true;
	if (back)
		return;
	mem_free(slot->state);
	slot->state = NULL;
	m->live--;
}

/* False: as far as is known by now, nothing leads here. What fills up to a label does nothing. */
static bool arrive(struct flow *flow, struct meetings *m, const struct code_insn *insn)
{
	meet(flow, m, insn->at, false);
	if (flow->final)
		meet(flow, m, insn->at, true);
	if (flow->alive)
		return true;
	if (insn->op == CODE_SAME)
		return false;
	if (!flow->final && !flow->indirect) /* a loop's body: its end tells, the second time */
		return false;
	state_forget(&flow->now, &flow->elsewhere);
	if (flow->indirect)
		state_copy(&flow->now, &flow->elsewhere);
	flow->alive = true;
	return true;
}

static bool inside(const struct flow *flow, uint64_t at)
{
	return at >= flow->start && at < flow->end;
}

/* The state where a jump leads to: a block that is NULL there is none. */
static const struct flow_state *taken(struct flow *flow, const struct code_insn *insn)
{
	if (flow->tested.kind != VALUE_BLOCK || insn->on_zero != 1)
		return &flow->now;
	state_copy(&flow->aside, &flow->now);
	state_replace(&flow->aside, &flow->tested, value_const(0));
	return &flow->aside;
}

static void jump(struct flow *flow, struct meetings *m, const struct code_insn *insn)
{
	if (inside(flow, insn->target)) {
		bool back = insn->target <= insn->at;

		flow->loops = flow->loops || back;
		if (!back || !flow->final)
			leave(m, insn->target, back, taken(flow, insn),
			      flow_id(flow, insn->target));
		if (flow->tested.kind == VALUE_BLOCK && insn->on_zero == 2)
			state_replace(&flow->now, &flow->tested, value_const(0));
	} else if (insn->op == CODE_JUMP) {
		if (insn->target || insn->operand[0].kind == CODE_MEMORY)
			flow_called(flow, insn, true);
		state_copy(&flow->elsewhere, &flow->now);
		flow->indirect = !insn->target;
	}
	if (insn->op != CODE_JUMP)
		return;
	if (!flow->indirect)
		state_copy(&flow->elsewhere, &flow->now);
	flow->alive = false;
}

static void control(struct flow *flow, struct meetings *m, const struct code_insn *insn)
{
	switch (insn->op) {
	case CODE_CALL:
		flow_called(flow, insn, false);
		flow->tested = (struct value){ 0 };
		break;
	case CODE_JUMP:
	case CODE_BRANCH:
		jump(flow, m, insn);
		break;
	case CODE_RETURN:
		if (flow->final)
			flow->sink->result(flow->sink, &flow->now.reg[CODE_RAX]);
		if (!flow->indirect)
			state_copy(&flow->elsewhere, &flow->now);
		flow->alive = false;
		break;
	case CODE_TRAP:
		flow->alive = false;
		break;
	default:
		flow_step(flow, insn);
	}
}

/* One reading of the function. */
static bool read_once(struct flow *flow, struct meetings *m, struct flow_limits *limits)
{
	const uint8_t *code = function_code(flow->functions, flow->start, flow->end - flow->start);
	uint64_t at = flow->start;

	state_enter(&flow->now);
	state_enter(&flow->elsewhere);
	flow->alive = true;
	flow->indirect = false;
	while (code && at < flow->end) {
		struct code_insn insn;

		if (!limits->insns)
			return false;
		limits->insns--;
		if (!code_decode(flow->decoder, code + (at - flow->start), flow->end - at, at,
		                 &insn)) {
			at++; /* data between instructions: look for the next one */
			flow->alive = false;
			continue;
		}
		flow->sink->at = at;
		if (arrive(flow, m, &insn))
			control(flow, m, &insn);
		at += insn.length;
	}
	return true;
}

bool flow_read(const struct functions *functions, const struct code_decoder *decoder,
               uint64_t start, uint64_t end, struct flow_sink *sink, struct flow_limits *limits)
{
	struct flow *flow = mem_alloc(1, sizeof(*flow));
	struct meetings m = { 0 };
	bool done;

	*flow = (struct flow){
		.functions = functions, .decoder = decoder, .start = start, .end = end, .sink = sink
	};
	done = read_once(flow, &m, limits);
	for (size_t i = 0; i < m.cap; i++) { /* what was left for addresses that no one came by */
		if (!m.v[i].back && m.v[i].state) {
			mem_free(m.v[i].state);
			m.v[i].state = NULL;
			m.live--;
		}
	}
	flow->final = true;
	done = done && read_once(flow, &m, limits);
	meetings_free(&m);
	mem_free(flow);
	return done;
}
