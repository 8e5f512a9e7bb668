#include "analyzer/report/verdict.h"
#include "analyzer/memory/dominant.h"
#include "analyzer/memory/knob.h"
#include "analyzer/report/suspect.h"
#include "analyzer/report/text.h"

static const char *blocks_and_bytes(struct pool *pool, struct tally t)
{
	return pool_printf(pool, "%s, %s", text_plural(pool, t.blocks, "block", "blocks"),
	                   text_bytes_in(pool, t.bytes));
}

static void set(struct report *r, const char *code, const char *text)
{
	r->verdict = code;
	r->verdict_text = text;
}

/* Who is there in this role (NULL: in any), "jemalloc and V8"; NULL: nobody that is known. */
static const char *who(struct report *r, const char *role)
{
	const char *names = NULL;

	for (size_t i = 0; i < r->process.allocators.n; i++) {
		const struct report_allocator *a = &r->process.allocators.v[i];

		if (role && strcmp(a->role, role))
			continue;
		names = names ? pool_printf(&r->pool, "%s and %s", names, a->name) : a->name;
	}
	return names;
}

/* Resident memory in which another allocator's blocks lie. */
static const char *others_bytes(struct report *r)
{
	return text_bytes_in(&r->pool, r->memory.anonymous + r->memory.shared);
}

static void without_heap(struct report *r)
{
	const char *name = r->process.allocator, *others = who(r, NULL);

	if (name)
		set(r, "foreign",
		    pool_printf(&r->pool,
		                "This process does not use glibc's malloc but %s, whose heap this "
		                "version cannot read: no leak can be found or ruled out. %s of "
		                "resident memory lie in anonymous mappings and stacks, where such "
		                "blocks are as a rule. Mappings and threads are still valid "
		                "(coreheap maps, coreheap threads).",
		                name,
		                text_bytes_in(&r->pool, r->memory.anonymous + r->memory.shared +
		                                                r->memory.stacks)));
	else
		set(r, "no-heap",
		    pool_printf(&r->pool,
		                "No heap of glibc's malloc was found in this core%s: no leak can "
		                "be found or ruled out.%s%s%s",
		                r->input.truncated ? ", part of which is cut off"
		                : r->input.damaged ? ", part of which is damaged (coreheap check)"
		                : r->input.heap_missing
		                        ? ", as the memory in which it would lie was not saved"
		                        : "; the program has its own allocator, or never called "
		                          "malloc",
		                others ? " There is " : "", others ? others : "",
		                others ? ", whose memory this version cannot read." : ""));
}

/* What share of the memory in use is meant; empty where it says nothing. */
static const char *share_of_use(struct report *r, uint64_t bytes)
{
	char buf[TEXT_NUMBER];

	if (r->memory.in_use == ABSENT || !r->memory.in_use || !bytes)
		return "";
	return pool_printf(&r->pool, ", %s of all that is in use",
	                   text_share(buf, bytes, r->memory.in_use));
}

#define WEAK_PART 8 /* as many blocks as this hang on each weak word on average, or more */

/* What only structural pointers keep is in use: of all that is possible as far as that is known. */
static struct tally kept_inside(const struct report *r)
{
	const struct tally *t = &r->leaks.structural;

	if (t->blocks == ABSENT || t->blocks > r->leaks.possible.blocks)
		return (struct tally){ 0 };
	return *t;
}

/* Of what is possible, that which is neither unreachable as far as can be seen nor kept so. */
static struct tally by_their_middle(const struct report *r)
{
	struct tally all = r->leaks.possible, rest = kept_inside(r);

	rest.blocks += r->leaks.suspended.blocks;
	rest.bytes += r->leaks.suspended.bytes;
	if (rest.blocks > all.blocks || rest.bytes > all.bytes)
		return (struct tally){ 0 };
	return (struct tally){ all.blocks - rest.blocks, all.bytes - rest.bytes };
}

/* All of that would be unreachable but for a few words, which chance may have put there. */
static bool on_few_words(const struct report *r, struct tally rest)
{
	return r->leaks.weak_words != ABSENT && r->leaks.weak_words &&
	       rest.blocks / WEAK_PART >= r->leaks.weak_words;
}

static const char *by_few_words(struct report *r, struct tally rest)
{
	bool one = r->leaks.weak_words == 1;

	return pool_printf(&r->pool,
	                   " %s on %s into the middle of a block: leaked as well, unless the "
	                   "program keeps %s on purpose.%s",
	                   rest.blocks == 1 ? "hangs" : "hang",
	                   one ? "a single word that points"
	                       : pool_printf(&r->pool, "%llu words that point",
	                                     (unsigned long long)r->leaks.weak_words),
	                   one ? "it" : "them", suspect_text(r, "possible", rest.bytes));
}

static const char *kept_too(struct report *r, struct tally inside)
{
	if (!inside.blocks)
		return "";
	return pool_printf(&r->pool,
	                   " So are %s, but as the program keeps them on purpose: in use.",
	                   blocks_and_bytes(&r->pool, inside));
}

/* Of what is possible beside what leaked; more: " more", or nothing where nothing did. */
static const char *possible_too(struct report *r, const char *more)
{
	struct tally inside = kept_inside(r), rest = by_their_middle(r);
	const char *kept = blocks_and_bytes(&r->pool, inside);

	if (!rest.blocks && !inside.blocks)
		return "";
	if (!rest.blocks)
		return pool_printf(&r->pool,
		                   " %s%s %s reached only by pointers into the middle, but as "
		                   "the program keeps %s on purpose: in use.",
		                   kept, more, inside.blocks == 1 ? "is" : "are",
		                   inside.blocks == 1 ? "it" : "them");
	if (on_few_words(r, rest))
		return pool_printf(&r->pool, " %s%s%s%s", blocks_and_bytes(&r->pool, rest), more,
		                   by_few_words(r, rest), kept_too(r, inside));
	return pool_printf(&r->pool,
	                   " %s%s %s reached only by pointers into the middle: possibly "
	                   "leaked.%s",
	                   blocks_and_bytes(&r->pool, rest), more, rest.blocks == 1 ? "is" : "are",
	                   kept_too(r, inside));
}

static void withheld(struct report *r)
{
	struct tally out = r->leaks.suspended;
	const char *found;

	if (out.blocks)
		found = pool_printf(&r->pool,
		                    "%s %s unreachable from what is there%s; %s may be leaked, or "
		                    "held by what is missing, so %s called possible.",
		                    blocks_and_bytes(&r->pool, out), out.blocks == 1 ? "is" : "are",
		                    share_of_use(r, out.bytes), out.blocks == 1 ? "it" : "they",
		                    out.blocks == 1 ? "it is" : "they are");
	else
		found = "What is there still leads to every block in use.";
	set(r, "withheld",
	    pool_printf(&r->pool,
	                "No verdict: memory that may hold pointers is missing from this core. "
	                "%s%s",
	                found, possible_too(r, out.blocks ? " more" : "")));
}

static void leaks(struct report *r, struct tally leaked)
{
	const char *little = "";

	if (leaked.bytes < r->memory.in_use / 100)
		little = " That is too little to explain the size of the process.";
	set(r, "leaks",
	    pool_printf(&r->pool,
	                "%s %s unreachable: leaked%s. Nothing that the "
	                "program can still use points to %s, so %s can never be freed.%s%s%s",
	                blocks_and_bytes(&r->pool, leaked), leaked.blocks == 1 ? "is" : "are",
	                share_of_use(r, leaked.bytes), leaked.blocks == 1 ? "it" : "them",
	                leaked.blocks == 1 ? "it" : "they",
	                suspect_text(r, "definite", leaked.bytes), little,
	                possible_too(r, " more")));
}

/*
 * What the memory went to, where that is not what leaks: the answer to "why so big?". NULL: nothing
 * to add. Of another allocator's mappings another sentence speaks.
 */
static const char *culprit(struct report *r)
{
	const struct report_dominant *d = &r->memory.dominant;
	uint64_t leaked = r->leaks.definite.bytes + r->leaks.indirect.bytes;
	bool others = r->process.allocator || who(r, "beside");

	if (!d->text || (leaked && leaked >= r->memory.resident / 4) ||
	    (others && !strcmp(d->code, "mappings")))
		return NULL;
	return d->text;
}

/* What most of the memory in use hangs on, and whose that is. */
static void add_keeper(struct report *r)
{
	const struct report_keeper *k = r->keepers.n ? &r->keepers.v[0] : NULL;
	char share[TEXT_NUMBER];

	if (!k || !k->held_by || k->retained.bytes < r->memory.in_use / 2 ||
	    r->leaks.definite.bytes + r->leaks.indirect.bytes >= r->memory.in_use / 2)
		return;
	r->verdict_text = pool_printf(
		&r->pool,
		"%s %s of what is in use, %s, hangs on one block, "
		"0x%llx%s%s, held by %s.",
		r->verdict_text, text_share(share, k->retained.bytes, r->memory.in_use),
		text_bytes_in(&r->pool, k->retained.bytes), (unsigned long long)k->address,
		k->type ? ", of type " : "", k->type ? k->type : "", k->held_by);
}

/* Little that is only possibly leaked is told of behind what the memory went to. */
static bool culprit_first(struct report *r)
{
	return !strcmp(r->verdict, "possible") && culprit(r) &&
	       r->leaks.possible.bytes < r->memory.resident / 10;
}

static void add_culprit(struct report *r)
{
	const char *text = culprit(r);

	if (text && !culprit_first(r))
		r->verdict_text = pool_printf(&r->pool, "%s %s", r->verdict_text, text);
}

static void all_kept(struct report *r, struct tally inside)
{
	set(r, "possible",
	    pool_printf(&r->pool,
	                "No leak found: each of the %s in use can still be reached by the program, "
	                "%s, %s, only by pointers into their middle, but as the program keeps them "
	                "on purpose.%s%s",
	                text_plural(&r->pool, r->memory.in_use_blocks, "block", "blocks"),
	                inside.blocks == r->memory.in_use_blocks
	                        ? "all of them"
	                        : text_plural(&r->pool, inside.blocks, "of them", "of them"),
	                text_bytes_in(&r->pool, inside.bytes), culprit_first(r) ? " " : "",
	                culprit_first(r) ? culprit(r) : ""));
}

static void possible(struct report *r)
{
	struct tally inside = kept_inside(r), rest = by_their_middle(r);
	const char *more = "", *how;

	r->verdict = "possible";
	if (!rest.blocks) {
		all_kept(r, inside);
		return;
	}
	if (inside.blocks)
		more = pool_printf(&r->pool,
		                   " So are %s more, but as the program keeps them on "
		                   "purpose: in use.",
		                   blocks_and_bytes(&r->pool, inside));
	if (on_few_words(r, rest))
		how = by_few_words(r, rest);
	else
		how = pool_printf(&r->pool,
		                  " %s reached only by pointers into their middle: possibly "
		                  "leaked%s.",
		                  rest.blocks == 1 ? "is" : "are", share_of_use(r, rest.bytes));
	set(r, "possible",
	    pool_printf(&r->pool, "No certain leak. %s%s%s of the %s in use%s%s",
	                culprit_first(r) ? culprit(r) : "", culprit_first(r) ? " " : "",
	                blocks_and_bytes(&r->pool, rest),
	                text_plural(&r->pool, r->memory.in_use_blocks, "block", "blocks"), how,
	                more));
}

static void no_leaks(struct report *r)
{
	struct tally used = { r->memory.in_use_blocks, r->memory.in_use };

	if (r->leaks.possible.blocks)
		possible(r);
	else
		set(r, "clean",
		    pool_printf(&r->pool,
		                "No leak found: %s%s in use can still be reached by the program.",
		                used.blocks == 1 ? "the " : "each of the ",
		                blocks_and_bytes(&r->pool, used)));
}

/*
 * What another allocator has is not known block by block, but all of it is searched for pointers:
 * what it holds counts as reachable.
 */
static void add_named(struct report *r, const char *name)
{
	r->verdict_text = pool_printf(&r->pool,
	                              "%s The memory of %s is not looked into, only searched for "
	                              "pointers into the heap: %s of resident memory lie in "
	                              "anonymous mappings beside it.",
	                              r->verdict_text, name, others_bytes(r));
}

/* Another malloc is the program's, and glibc's has a heap as well: a few blocks, as a rule. */
static void beside_another_malloc(struct report *r)
{
	const char *name = r->process.allocator, *rest = r->verdict_text;

	if (!strcmp(r->verdict, "leaks")) {
		r->verdict_text = pool_printf(
			&r->pool,
			"%s That is only what glibc's malloc handed out: this process "
			"uses %s, in whose heap no leak can be found or ruled out.",
			rest, name);
	} else {
		set(r, "foreign",
		    pool_printf(&r->pool,
		                "This process uses %s, whose heap this version cannot read: no "
		                "leak in it can be found or ruled out. Of what glibc's malloc "
		                "handed out beside it: %s",
		                name, rest));
	}
	add_named(r, name);
}

static void add_damage(struct report *r)
{
	char covered[TEXT_NUMBER] = "";
	uint64_t n = 0;

	for (size_t i = 0; i < r->findings.n; i++)
		n += !strcmp(r->findings.v[i].kind, "corruption") ? r->findings.v[i].count : 0;
	if (!n)
		return;
	if (r->input.coverage >= 0)
		text_share(covered, (uint64_t)(r->input.coverage * 1e6), 1000000);
	r->verdict_text = pool_printf(&r->pool,
	                              "%s The heap is damaged in %s; this rests on the %s of its "
	                              "bytes that were walked from sound header to sound header. "
	                              "What the damaged part holds is not called leaked (coreheap "
	                              "check).",
	                              r->verdict_text, text_plural(&r->pool, n, "place", "places"),
	                              *covered ? covered : "rest");
}

/* libc's own last words go first: they say what it saw, and that it saw it. */
static void add_abort_message(struct report *r)
{
	if (r->process.abort_message)
		r->verdict_text = pool_printf(&r->pool, "libc aborted the process: \"%s\". %s",
		                              text_escape(&r->pool, r->process.abort_message),
		                              r->verdict_text);
}

void verdict_find(struct report *r)
{
	const struct report_memory *m = &r->memory;
	struct tally leaked = {
		r->leaks.definite.blocks + r->leaks.indirect.blocks,
		r->leaks.definite.bytes + r->leaks.indirect.bytes,
	};

	const char *others;

	dominant_find(r);
	knobs_find(r);
	if (m->in_use == ABSENT) {
		without_heap(r);
		add_culprit(r);
		add_abort_message(r);
		return;
	}
	if (leaked.blocks)
		leaks(r, leaked);
	else if (r->leaks.withheld)
		withheld(r);
	else
		no_leaks(r);
	others = who(r, "beside");
	if (r->process.allocator)
		beside_another_malloc(r);
	else if (others)
		add_named(r, others);
	add_culprit(r);
	add_keeper(r);
	add_damage(r);
	add_abort_message(r);
}
