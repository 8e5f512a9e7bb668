#include "analyzer/command/condition.h"
#include "analyzer/command/options.h"

static const struct {
	const char *name;
	enum quantity quantity;
} quantities[] = {
	{ "definite", QUANTITY_DEFINITE },       { "indirect", QUANTITY_INDIRECT },
	{ "leaked", QUANTITY_LEAKED },           { "possible", QUANTITY_POSSIBLE },
	{ "reachable", QUANTITY_REACHABLE },     { "in_use", QUANTITY_IN_USE },
	{ "free_held", QUANTITY_FREE_HELD },     { "growth", QUANTITY_GROWTH },
	{ "leak_growth", QUANTITY_LEAK_GROWTH }, { "resident_growth", QUANTITY_RESIDENT_GROWTH },
};

static const struct {
	const char *text;
	enum comparison op;
} comparisons[] = {
	/* longer ones first */
	{ ">=", OP_GE }, { "<=", OP_LE }, { "==", OP_EQ }, { "!=", OP_NE },
	{ ">", OP_GT },  { "<", OP_LT },  { "=", OP_EQ },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static bool bad(const char *text, const char *why, struct err *err)
{
	return err_set(err,
	               "--fail-on %s: %s; write a quantity (definite, indirect, leaked, "
	               "possible, "
	               "reachable, in_use, free_held, each with .blocks or .bytes if you like; of "
	               "diff also growth, leak_growth, resident_growth), a comparison and a "
	               "number, such as 'leaked>0', 'definite>10M', 'definite.blocks>=5' or "
	               "'growth>100M/h'",
	               text, why);
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Reads the quantity; returns what follows, NULL where there is none. */
static const char *parse_quantity(const char *s, struct condition *c)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz_");

	for (size_t i = 0; i < COUNT(quantities); i++) {
		if (strlen(quantities[i].name) == n && !memcmp(quantities[i].name, s, n))
			c->left = quantities[i].quantity;
	}
	if (c->left == CONDITION_NONE)
		return NULL;
	s += n;
	if (!strncmp(s, ".blocks", 7)) {
		c->blocks = true;
		s += 7;
	} else if (!strncmp(s, ".bytes", 6)) {
		s += 6;
	}
	return s;
}

bool condition_is_growth(const struct condition *c)
{
	return c->left == QUANTITY_GROWTH || c->left == QUANTITY_LEAK_GROWTH ||
	       c->left == QUANTITY_RESIDENT_GROWTH;
}

/* The number; after a growth maybe "/h": taken off. */
static bool parse_right(const char *s, struct condition *c)
{
	static const struct {
		char unit;
		double hours;
	} units[] = { { 's', 1.0 / 3600 }, { 'm', 1.0 / 60 }, { 'h', 1 }, { 'd', 24 } };
	size_t n = strcspn(s, "/");
	char number[64];

	if (n >= sizeof(number))
		return false;
	memcpy(number, s, n);
	number[n] = 0;
	if (s[n]) {
		for (size_t i = 0; i < COUNT(units); i++) {
			if (s[n + 1] == units[i].unit && !s[n + 2])
				c->per_hours = units[i].hours;
		}
		if (!(c->per_hours > 0) || !condition_is_growth(c))
			return false;
	}
	return options_bytes(number, &c->right);
}

bool condition_parse(const char *text, struct condition *out, struct err *err)
{
	struct condition c = { .text = text };
	const char *s = parse_quantity(skip_blanks(text), &c);
	size_t i;

	if (!s)
		return bad(text, "it does not begin with a quantity that there is", err);
	s = skip_blanks(s);
	for (i = 0; i < COUNT(comparisons); i++) {
		if (!strncmp(s, comparisons[i].text, strlen(comparisons[i].text)))
			break;
	}
	if (i == COUNT(comparisons))
		return bad(text, "no comparison (> >= < <= == !=) follows the quantity", err);
	c.op = comparisons[i].op;
	s = skip_blanks(s + strlen(comparisons[i].text));
	if (condition_is_growth(&c) && c.blocks)
		return bad(text, "growth is in bytes", err);
	if (!parse_right(s, &c))
		return bad(text, "what follows the comparison is no number", err);
	*out = c;
	return true;
}

bool condition_holds(const struct condition *c, uint64_t left)
{
	switch (c->op) {
	case OP_GT:
		return left > c->right;
	case OP_GE:
		return left >= c->right;
	case OP_LT:
		return left < c->right;
	case OP_LE:
		return left <= c->right;
	case OP_EQ:
		return left == c->right;
	case OP_NE:
		return left != c->right;
	}
	return false;
}
