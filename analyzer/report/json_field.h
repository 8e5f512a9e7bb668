/*
 * json_field: single fields of a JSON object that somebody else wrote: there with the right type,
 * absent, or wrong. The first that is wrong is kept as the reason why the file is refused. Between
 * the readers only.
 */
#ifndef ANALYZER_REPORT_JSON_FIELD_H
#define ANALYZER_REPORT_JSON_FIELD_H

#include "analyzer/report/report.h"

struct json_t; /* jansson's */

struct loading {
	const char *path;
	struct report *report;
	struct err *err;
	bool bad; /* err says why */
};

/* False, always. */
bool load_bad(struct loading *l, const char *key, const char *wanted);

uint64_t load_number(struct loading *l, const struct json_t *o, const char *key); /* or ABSENT */
double load_share(struct loading *l, const struct json_t *o, const char *key);    /* or negative */
bool load_bool(struct loading *l, const struct json_t *o, const char *key); /* absent: false */
/* Owned by the report; NULL: absent. */
const char *load_string(struct loading *l, const struct json_t *o, const char *key);
/* The same where it must be there: never NULL, "" where it is bad. */
const char *load_name(struct loading *l, const struct json_t *o, const char *key);
vaddr load_address(struct loading *l, const struct json_t *o, const char *key); /* or 0 */
/* NULL: absent, or bad. */
const struct json_t *load_object(struct loading *l, const struct json_t *o, const char *key);
const struct json_t *load_array(struct loading *l, const struct json_t *o, const char *key);
struct tally load_tally(struct loading *l, const struct json_t *o, const char *key); /* or ABSENT */

struct report_finding load_finding(struct loading *l, const struct json_t *o);
void load_profile(struct loading *l, const struct json_t *root);

#endif
