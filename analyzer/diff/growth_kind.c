/* Names of kinds of growth, and the totals that every report has. */
#include "analyzer/diff/growth.h"

#include <math.h>

static const struct {
	const char *name, *text, *finding;
} kinds[GROWTH_KINDS] = {
	[GROWTH_NEW_LEAK] = { "new-leak", "new leak", "leak" },
	[GROWTH_GROWING_LEAK] = { "growing-leak", "growing leak", "leak" },
	[GROWTH_REACHABLE] = { "reachable-growth", "reachable growth", "growth" },
	[GROWTH_FRAGMENTATION] = { "fragmentation-growth", "fragmentation", "fragmentation" },
	[GROWTH_MAPPING] = { "mapping-growth", "mapping growth", "mapping" },
	[GROWTH_LEVELLED_OFF] = { "levelled-off", "levelled off", "growth" },
	[GROWTH_CHURN] = { "churn", "churn", "growth" },
	[GROWTH_SHRINKING] = { "shrinking", "shrinking", "growth" },
};

const char *growth_kind_name(enum growth_kind kind)
{
	return kinds[kind].name;
}

const char *growth_kind_text(enum growth_kind kind)
{
	return kinds[kind].text;
}

const char *growth_finding_kind(enum growth_kind kind)
{
	return kinds[kind].finding;
}

const char *total_name(enum total total)
{
	static const char *const names[TOTALS] = {
		[TOTAL_IN_USE] = "in_use",     [TOTAL_LEAKED] = "leaked",
		[TOTAL_POSSIBLE] = "possible", [TOTAL_FREE_HELD] = "free_held",
		[TOTAL_STACKS] = "stacks",     [TOTAL_ANONYMOUS] = "anonymous",
		[TOTAL_SHARED] = "shared",     [TOTAL_RESIDENT] = "resident",
		[TOTAL_MAPPED] = "mapped",
	};

	return names[total];
}

uint64_t total_bytes(const struct report *r, enum total total)
{
	const struct report_memory *m = &r->memory;

	if (total == TOTAL_LEAKED || total == TOTAL_POSSIBLE) {
		if (!r->has_leaks)
			return ABSENT;
		return total == TOTAL_POSSIBLE ? r->leaks.possible.bytes
		                               : r->leaks.definite.bytes + r->leaks.indirect.bytes;
	}
	if (!r->has_memory)
		return ABSENT;
	switch (total) {
	case TOTAL_IN_USE:
		return m->in_use;
	case TOTAL_FREE_HELD:
		return m->free_held;
	case TOTAL_STACKS:
		return m->stacks;
	case TOTAL_ANONYMOUS:
		return m->anonymous;
	case TOTAL_SHARED:
		return m->shared;
	case TOTAL_RESIDENT:
		return m->resident;
	case TOTAL_MAPPED:
		return m->mapped;
	case TOTAL_LEAKED:
	case TOTAL_POSSIBLE:
	case TOTALS:
		break;
	}
	return ABSENT;
}

double total_rate(const struct series *s, enum total total, size_t i, size_t k)
{
	uint64_t from = total_bytes(&s->snapshot[i].report, total);
	uint64_t to = total_bytes(&s->snapshot[k].report, total);

	if (!s->hours || from == ABSENT || to == ABSENT)
		return NAN;
	return ((double)to - (double)from) / (s->hours[k] - s->hours[i]);
}
