/*
 * What functions do with the arguments that they get, on behalf of the blocks that are handed to
 * them: through as many calls as SPLICE_DEPTH allows, each with what its own caller knows of the
 * arguments.
 */
#include "analyzer/code/build.h"

#define SPLICE_DEPTH 5
#define SPLICE_MOST  400 /* steps of one call */
#define STEPS_MOST   512 /* of one function */

void builder_keep_step(struct summary *s, const struct step *step)
{
	if (s->steps.n < STEPS_MOST)
		array_push(&s->steps, *step);
}

struct splice {
	struct builder *b;
	uint32_t site; /* whose block is followed */
	bool late;
	unsigned left;
};

/* A function that is called, and what its arguments are in the eyes of the block's function. */
struct frame {
	const struct summary *summary;
	const struct value *arg;
};

static bool is_block(const struct splice *s, const struct value *v)
{
	return value_block_of(v, s->site);
}

static void splice_store(struct splice *s, const struct frame *f, const struct step *step)
{
	const struct value *to = &f->arg[step->arg];
	int64_t at = to->add + (int32_t)step->store.offset;
	struct site_store store = step->store;

	if (!is_block(s, to) || to->kind == VALUE_INSIDE || at < 0 || at >= OFFSET_MOST)
		return;
	if (step->from)
		store = builder_store_of(0, store.width, &f->arg[step->from - 1]);
	store.offset = (uint32_t)at;
	store.late = s->late;
	builder_store(s->b, s->site, &store);
}

/* The block's address is stored through another argument. */
static void splice_address(struct splice *s, const struct frame *f, const struct step *step)
{
	const struct value *v = step->from ? &f->arg[step->from - 1] : NULL;
	const struct value *to = &f->arg[step->arg];
	int64_t at = to->add + (int32_t)step->store.offset;
	struct site_tag tag = { .parent = SITE_NONE, .at = step->at };

	if (!v || !is_block(s, v) || step->store.width != 8)
		return;
	if (to->kind == VALUE_ADDR) {
		tag.global = (uint64_t)at;
	} else if (at < 0 || at >= OFFSET_MOST) {
		return;
	} else {
		if (value_block(to))
			tag.parent = to->id;
		tag.offset = to->kind == VALUE_INSIDE ? TAG_ANYWHERE : (uint32_t)at;
	}
	builder_tag(s->b, v, s->site, tag);
}

/* What an argument of the function that is called is to the block's function. */
static struct value seen_by(const struct frame *f, struct value v)
{
	const struct value unknown = { 0 };

	if (value_plain_arg(&v))
		return v.id < FLOW_ARGS ? value_add(f->arg[v.id], value_const(v.add), 0) : unknown;
	if (v.kind == VALUE_SYMBOL || v.kind == VALUE_ARG || v.kind == VALUE_PRODUCT ||
	    v.kind == VALUE_STACK)
		return unknown;
	return v;
}

static void splice(struct splice *s, uint64_t callee, const struct value *arg, unsigned depth)
{
	const struct function *f = function_at(s->b->functions, callee);
	struct frame frame = { .arg = arg };
	size_t n;

	if (!f || f->start != callee || depth > SPLICE_DEPTH)
		return;
	frame.summary = builder_summary(s->b, (size_t)(f - s->b->functions->v));
	n = frame.summary && frame.summary->state == SUMMARY_DONE ? frame.summary->steps.n : 0;
	for (size_t i = 0; i < n && s->left; i++) {
		struct step step = frame.summary->steps.v[i];
		struct value next[FLOW_ARGS];
		bool gets = false;

		s->left--;
		if (step.kind == STEP_STORE) {
			splice_store(s, &frame, &step);
			splice_address(s, &frame, &step);
		} else if (step.kind == STEP_KEEP) {
			if (is_block(s, &arg[step.arg]))
				builder_tag(s->b, &arg[step.arg], s->site, step.tag);
		} else {
			struct passing call = frame.summary->calls.v[step.call];

			for (unsigned j = 0; j < FLOW_ARGS; j++) {
				next[j] = seen_by(&frame, call.arg[j]);
				gets = gets || is_block(s, &next[j]);
			}
			if (gets)
				splice(s, call.callee, next, depth + 1);
		}
	}
}

static bool passed_before(const struct passing *p, unsigned i, uint32_t site)
{
	while (i-- > 0)
		if (value_block_of(&p->arg[i], site))
			return true;
	return false;
}

void builder_pass(struct builder *b, struct summary *summary, const struct flow_call *call,
                  uint64_t callee)
{
	struct passing p = { .callee = callee };
	bool passes = false;

	memcpy(p.arg, call->arg, sizeof(p.arg));
	for (unsigned i = 0; i < FLOW_ARGS; i++) {
		const struct value *v = &p.arg[i];

		passes = passes ||
		         (value_plain_arg(v) && v->add > -OFFSET_MOST && v->add < OFFSET_MOST);
		for (unsigned j = 0; value_block(v) && v->add >= 0 && j < (v->scale ? 2 : 1); j++) {
			struct splice s = { b, value_site(v, j), (v->flags & VALUE_LATE) != 0,
				            SPLICE_MOST };

			if (!passed_before(&p, i, s.site))
				splice(&s, callee, p.arg, 0);
		}
	}
	if (!passes || summary->steps.n >= STEPS_MOST)
		return;
	array_push(&summary->calls, p);
	builder_keep_step(summary, &(struct step){ .kind = STEP_CALL,
	                                           .call = (uint32_t)summary->calls.n - 1 });
}
