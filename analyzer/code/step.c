#include "analyzer/code/step.h"

/* ---- operands ---- */

static struct value symbol(const struct flow *flow, const struct code_insn *insn, unsigned k)
{
	return value_symbol(flow_id(flow, insn->at) | (k & 15));
}

/* The address that a memory operand has. */
static struct value address(const struct flow *flow, const struct code_insn *insn,
                            const struct code_operand *op)
{
	uint32_t id = flow_id(flow, insn->at) | 14;
	struct value v = value_const(op->number);

	if (op->apart)
		return symbol(flow, insn, 13);
	if (op->absolute) {
		v.kind = VALUE_ADDR;
		return v;
	}
	if (op->reg != CODE_NO_REG)
		v = value_add(flow->now.reg[op->reg], v, id);
	if (op->index != CODE_NO_REG)
		v = value_add(v, value_times(flow->now.reg[op->index], op->scale, id), id);
	return v;
}

static struct value load_fixed(const struct flow *flow, const struct code_insn *insn,
                               const struct value *at, unsigned width)
{
	uint64_t value;

	switch (function_memory(flow->functions, (uint64_t)at->add, width, &value)) {
	case FUNCTION_FIXED:
		return value_const((int64_t)value);
	case FUNCTION_LOADED:
		if (width == 8)
			return (struct value){ .kind = VALUE_LOADED, .scale = at->add };
		break;
	case FUNCTION_CHANGES:
		break;
	}
	return symbol(flow, insn, FLOW_ID_LOAD);
}

static struct value load(const struct flow *flow, const struct code_insn *insn,
                         const struct value *at, unsigned width)
{
	if (at->kind == VALUE_STACK) {
		const struct value *v = state_load(&flow->now, at->add, width);

		if (v)
			return *v;
	} else if (at->kind == VALUE_ADDR && width <= 8) {
		return load_fixed(flow, insn, at, width);
	}
	return symbol(flow, insn, FLOW_ID_LOAD);
}

static struct value narrow(struct value v, unsigned width)
{
	if (v.kind != VALUE_CONST || width >= 8)
		return v;
	v.add &= (int64_t)((UINT64_C(1) << 8 * width) - 1);
	return v;
}

static struct value get(const struct flow *flow, const struct code_insn *insn,
                        const struct code_operand *op)
{
	struct value v;

	switch (op->kind) {
	case CODE_GENERAL:
		v = flow->now.reg[op->reg];
		if (op->high || (op->size < 4 && v.kind != VALUE_CONST))
			return symbol(flow, insn, 11);
		return narrow(v, op->size);
	case CODE_NUMBER:
		return value_const(op->number);
	case CODE_MEMORY:
		v = address(flow, insn, op);
		return load(flow, insn, &v, op->size);
	default:
		return symbol(flow, insn, 11);
	}
}

static void tell_store(const struct flow *flow, const struct value *to, unsigned width,
                       const struct value *v)
{
	if (flow->final && to->kind != VALUE_STACK)
		flow->sink->store(flow->sink, to, width, v);
}

static void store(struct flow *flow, const struct value *to, unsigned width, struct value v)
{
	v = narrow(v, width);
	if (to->kind == VALUE_STACK)
		state_store(&flow->now, to->add, width, &v);
	tell_store(flow, to, width, &v);
}

void flow_put(struct flow *flow, const struct value *to, const struct value *value)
{
	if (to->kind == VALUE_STACK)
		state_store(&flow->now, to->add, 8, value);
	tell_store(flow, to, 8, value);
}

static void put(struct flow *flow, const struct code_insn *insn, const struct code_operand *op,
                struct value v)
{
	struct value to;

	if (op->kind == CODE_MEMORY) {
		to = address(flow, insn, op);
		store(flow, &to, op->size, v);
	} else if (op->kind == CODE_GENERAL) {
		if (op->size < 4)
			v = symbol(flow, insn, op->reg);
		flow->now.reg[op->reg] = narrow(v, op->size);
	}
}

/* ---- arithmetic ---- */

static struct value masked(const struct flow *flow, const struct code_insn *insn, struct value v,
                           const struct value *mask)
{
	int64_t m = mask->add;

	if (mask->kind != VALUE_CONST)
		return symbol(flow, insn, 10);
	if (v.kind == VALUE_CONST)
		return value_const(v.add & m);
	if (m >= 0 || m < -64) /* only rounding keeps what is known */
		return symbol(flow, insn, 10);
	if (v.kind == VALUE_STACK)
		v.add &= m;
	else
		v.flags |= VALUE_LOOSE;
	return v;
}

static void arithmetic(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;
	uint32_t id = flow_id(flow, insn->at) | 9;
	struct value a = get(flow, insn, &o[0]), b = get(flow, insn, &o[1]), v;
	bool same = o[0].kind == CODE_GENERAL && o[1].kind == CODE_GENERAL && o[0].reg == o[1].reg;

	switch (insn->op) {
	case CODE_ADD:
		v = value_add(a, b, id);
		break;
	case CODE_SUB:
		v = same ? value_const(0) : value_sub(a, b, id);
		break;
	case CODE_XOR:
		v = same ? value_const(0) : value_symbol(id);
		break;
	case CODE_AND:
		v = masked(flow, insn, a, &b);
		break;
	default: /* CODE_SHIFT */
		v = b.add >= 0 && b.add < 32 ? value_times(a, INT64_C(1) << b.add, id)
		                             : value_symbol(id);
	}
	put(flow, insn, &o[0], o[0].kind == CODE_MEMORY && !same ? value_symbol(id) : v);
}

static void multiply(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;
	struct value a = get(flow, insn, &o[insn->n == 3 ? 1 : 0]);
	struct value b = get(flow, insn, &o[insn->n == 3 ? 2 : 1]);
	uint32_t id = flow_id(flow, insn->at) | 8;

	if (a.kind == VALUE_CONST)
		a = value_times(b, a.add, id);
	else if (value_plain_arg(&a) && value_plain_arg(&b) && !a.add && !b.add)
		a = (struct value){ .kind = VALUE_PRODUCT, .id = a.id, .scale = b.id };
	else
		a = b.kind == VALUE_CONST ? value_times(a, b.add, id) : value_symbol(id);
	put(flow, insn, &o[0], a);
	if (insn->written >> CODE_RDX & 1 && o[0].reg != CODE_RDX) /* the upper half */
		flow->now.reg[CODE_RDX] = symbol(flow, insn, 4);
}

static void extend(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;
	struct value v = get(flow, insn, &o[1]);

	if (o[1].size < 4 && v.kind != VALUE_CONST)
		v = symbol(flow, insn, 7);
	put(flow, insn, &o[0], v);
}

static void select_one(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;
	struct value a = get(flow, insn, &o[0]), b = get(flow, insn, &o[1]);

	put(flow, insn, &o[0], value_join(a, b, flow_id(flow, insn->at) | 6));
}

/* ---- the stack ---- */

static void move_stack(struct flow *flow, int64_t bytes)
{
	flow->now.reg[CODE_RSP] = value_add(flow->now.reg[CODE_RSP], value_const(bytes), 0);
}

static void push(struct flow *flow, const struct code_insn *insn)
{
	struct value v = get(flow, insn, &insn->operand[0]);

	move_stack(flow, -8);
	if (flow->now.reg[CODE_RSP].kind == VALUE_STACK)
		state_store(&flow->now, flow->now.reg[CODE_RSP].add, 8, &v);
}

static void pop(struct flow *flow, const struct code_insn *insn)
{
	struct value v = load(flow, insn, &flow->now.reg[CODE_RSP], 8);

	move_stack(flow, 8);
	put(flow, insn, &insn->operand[0], v);
}

static void leave_frame(struct flow *flow, const struct code_insn *insn)
{
	flow->now.reg[CODE_RSP] = flow->now.reg[CODE_RBP];
	flow->now.reg[CODE_RBP] = load(flow, insn, &flow->now.reg[CODE_RSP], 8);
	move_stack(flow, 8);
}

/* ---- vector registers ---- */

static void read_vector(struct flow *flow, const struct code_insn *insn,
                        const struct code_operand *op, struct value v[STATE_HALF])
{
	struct value at;

	for (unsigned i = 0; i < STATE_HALF; i++)
		v[i] = (struct value){ 0 };
	if (op->kind == CODE_VECTOR) {
		memcpy(v, flow->now.vec[op->reg], sizeof(flow->now.vec[0]));
	} else if (op->kind == CODE_GENERAL) {
		v[0] = get(flow, insn, op);
		v[1] = value_const(0);
	} else if (op->kind == CODE_MEMORY) {
		at = address(flow, insn, op);
		v[0] = load(flow, insn, &at, op->size < 8 ? op->size : 8);
		at = value_add(at, value_const(8), 0);
		v[1] = op->size >= 16 ? load(flow, insn, &at, 8) : value_const(0);
		for (unsigned i = 0; op->size >= 16 && at.kind != VALUE_STACK && i < 2; i++)
			v[i].flags |= VALUE_WIDE;
	}
}

static void write_vector(struct flow *flow, const struct code_insn *insn,
                         const struct code_operand *op, struct value v[STATE_HALF])
{
	struct value to;

	if (op->kind == CODE_VECTOR) {
		memcpy(flow->now.vec[op->reg], v, sizeof(flow->now.vec[0]));
	} else if (op->kind == CODE_GENERAL) {
		put(flow, insn, op, v[0].kind ? v[0] : symbol(flow, insn, 5));
	} else if (op->kind == CODE_MEMORY) {
		to = address(flow, insn, op);
		for (unsigned done = 0; done < op->size; done += 8) {
			unsigned width = op->size - done < 8 ? op->size - done : 8;
			/* beyond 16 bytes only zeroes are kept track of */
			struct value part = done < 16 ? v[done / 8] : v[1];

			if (done >= 16 && (part.kind != VALUE_CONST || part.add))
				part = (struct value){ 0 };
			store(flow, &to, width, part);
			to = value_add(to, value_const(8), 0);
		}
	}
}

static void vector(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;
	struct value a[STATE_HALF], b[STATE_HALF];

	read_vector(flow, insn, &o[insn->n - 1], b);
	switch (insn->op) {
	case CODE_VZERO:
		b[0] = b[1] = value_const(0);
		write_vector(flow, insn, &o[0], b);
		break;
	case CODE_VHIGH:
		if (o[0].kind == CODE_VECTOR) {
			flow->now.vec[o[0].reg][1] = b[0];
		} else {
			b[0] = b[1];
			write_vector(flow, insn, &o[0], b);
		}
		break;
	case CODE_VPACK:
		read_vector(flow, insn, &o[insn->n == 3 ? 1 : 0], a);
		a[1] = b[0];
		write_vector(flow, insn, &o[0], a);
		break;
	default:
		write_vector(flow, insn, &o[0], b);
	}
}

/* ---- the rest ---- */

static void forget_written(struct flow *flow, const struct code_insn *insn)
{
	for (unsigned i = 0; i < CODE_REGS; i++)
		if (insn->written >> i & 1 && i != CODE_RSP)
			flow->now.reg[i] = symbol(flow, insn, i);
	for (unsigned i = 0; i < CODE_VECTORS; i++)
		if (insn->vectors >> i & 1)
			flow->now.vec[i][0] = flow->now.vec[i][1] = (struct value){ 0 };
	if (insn->stores) {
		struct value at = address(flow, insn, &insn->operand[0]);

		if (at.kind == VALUE_STACK)
			state_spoil(&flow->now, at.add, insn->operand[0].size);
	}
}

/* Is a block's address compared with NULL? What moves things leaves the answer alone. */
static void test(struct flow *flow, const struct code_insn *insn)
{
	if (insn->op == CODE_TEST)
		flow->tested = get(flow, insn, &insn->operand[0]);
	else if (insn->op != CODE_MOVE && insn->op != CODE_ADDRESS && insn->op != CODE_SAME)
		flow->tested = (struct value){ 0 };
	if (flow->tested.kind != VALUE_BLOCK || flow->tested.add)
		flow->tested = (struct value){ 0 };
}

void flow_step(struct flow *flow, const struct code_insn *insn)
{
	const struct code_operand *o = insn->operand;

	test(flow, insn);
	switch (insn->op) {
	case CODE_SAME:
	case CODE_TEST:
		break;
	case CODE_MOVE:
		put(flow, insn, &o[0], get(flow, insn, &o[1]));
		break;
	case CODE_ADDRESS:
		put(flow, insn, &o[0], address(flow, insn, &o[1]));
		break;
	case CODE_EXTEND:
		extend(flow, insn);
		break;
	case CODE_ADD:
	case CODE_SUB:
	case CODE_XOR:
	case CODE_AND:
	case CODE_SHIFT:
		arithmetic(flow, insn);
		break;
	case CODE_MULTIPLY:
		multiply(flow, insn);
		break;
	case CODE_SELECT:
		select_one(flow, insn);
		break;
	case CODE_PUSH:
		push(flow, insn);
		break;
	case CODE_POP:
		pop(flow, insn);
		break;
	case CODE_LEAVE:
		leave_frame(flow, insn);
		break;
	case CODE_VMOVE:
	case CODE_VZERO:
	case CODE_VLOW:
	case CODE_VHIGH:
	case CODE_VPACK:
		vector(flow, insn);
		break;
	default:
		forget_written(flow, insn);
	}
}
