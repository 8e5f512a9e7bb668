/*
 * Blocks that come by way of others: those of compiled regular expressions, which the C library
 * asks for and keeps, and copies of text that a wrapper makes for many callers. Ends by SIGABRT.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N     40
#define APART __attribute__((noinline, noclone))

struct rule {
	long number;
	regex_t *match;
	struct rule *next;
};

struct words {
	char *first, *second, *third, *fourth, *fifth, *sixth;
	struct words *next;
};

static struct rule *rules;
static struct words *words;

/* No allocator by its name. */
APART static char *keep(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

APART static void add_rule(long number)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	char form[64];

	snprintf(form, sizeof(form), "^(get|put)[0-9]+ +/p%ld(/[a-z]+)*$", number);
	rule->number = number;
	rule->match = malloc(sizeof(*rule->match));
	if (regcomp(rule->match, form, REG_EXTENDED | REG_ICASE))
		abort();
	rule->next = rules;
	rules = rule;
}

APART static void add_words(long number)
{
	struct words *w = calloc(1, sizeof(*w));
	char text[64];

	snprintf(text, sizeof(text), "word %ld", number);
	w->first = keep(text);
	w->second = keep(text + 1);
	w->third = keep(text + 2);
	w->fourth = keep("another word");
	w->fifth = keep(number & 1 ? "odd words" : "even words");
	w->sixth = keep("the last word of them");
	w->next = words;
	words = w;
}

int main(void)
{
	for (long i = 0; i < N; i++) {
		add_rule(i);
		add_words(i);
	}
	abort();
}
