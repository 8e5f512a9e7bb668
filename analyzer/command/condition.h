/*
 * condition: the expression of --fail-on, "definite>10M": a quantity of the leak totals, a
 * comparison, a number. It knows names and arithmetic, not where the totals come from.
 *
 *   EXPR := QUANTITY [ ".bytes" | ".blocks" ] OP NUMBER      OP: > >= < <= == = !=
 *   QUANTITY: definite, indirect, leaked (definite + indirect), possible, reachable, in_use,
 * free_held; of diff: growth (of in_use), leak_growth, resident_growth
 *   NUMBER: bytes as in 10M or 1.5GiB, or a plain count after .blocks; after a growth also by time:
 * 100M/h, 1M/m, 4K/s, 2G/d
 */
#ifndef ANALYZER_COMMAND_CONDITION_H
#define ANALYZER_COMMAND_CONDITION_H

#include "formats/base.h"

enum quantity {
	CONDITION_NONE,
	QUANTITY_DEFINITE,
	QUANTITY_INDIRECT,
	QUANTITY_LEAKED,
	QUANTITY_POSSIBLE,
	QUANTITY_REACHABLE,
	QUANTITY_IN_USE,
	QUANTITY_FREE_HELD,
	QUANTITY_GROWTH, /* of in_use, between the snapshots of diff; so the next two, of theirs */
	QUANTITY_LEAK_GROWTH,
	QUANTITY_RESIDENT_GROWTH,
	QUANTITIES
};

enum comparison { OP_GT, OP_GE, OP_LT, OP_LE, OP_EQ, OP_NE };

struct condition {
	enum quantity left;
	bool blocks; /* compares blocks, not bytes */
	enum comparison op;
	uint64_t right;
	double per_hours; /* growth in so many hours is compared; 0: in all */
	const char *text; /* as given */
};

/* Is it about growth? Only diff knows that. */
bool condition_is_growth(const struct condition *condition);

bool condition_parse(const char *text, struct condition *out, struct err *err);

/* left: the value of condition->left (blocks or bytes, as condition->blocks says). */
bool condition_holds(const struct condition *condition, uint64_t left);

#endif
