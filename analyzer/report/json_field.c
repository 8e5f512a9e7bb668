#include "analyzer/report/json_field.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

bool load_bad(struct loading *l, const char *key, const char *wanted)
{
	if (!l->bad)
		err_set(l->err,
		        "%s: not a report of coreheap, or a damaged one: \"%s\" is not %s; make it "
		        "again with coreheap summary CORE --json --profile -o FILE",
		        l->path, key, wanted);
	l->bad = true;
	return false;
}

uint64_t load_number(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return ABSENT;
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return (uint64_t)json_integer_value(v);
	load_bad(l, key, "a number from 0 up");
	return 0;
}

double load_share(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	double share = -1;

	if (!v)
		return -1;
	if (json_is_number(v))
		share = json_number_value(v);
	if (share >= 0 && share <= 1) /* false for what is no number (NaN), too */
		return share;
	load_bad(l, key, "a share from 0 to 1");
	return -1;
}

bool load_bool(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_boolean(v))
		return load_bad(l, key, "true or false");
	return v && json_is_true(v);
}

const char *load_string(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return NULL;
	if (json_is_string(v))
		return pool_strndup(&l->report->pool, json_string_value(v), json_string_length(v));
	load_bad(l, key, "a text");
	return NULL;
}

const char *load_name(struct loading *l, const json_t *o, const char *key)
{
	const char *s = load_string(l, o, key);

	if (!s)
		load_bad(l, key, "there");
	return s ? s : "";
}

vaddr load_address(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *s = v ? json_string_value(v) : NULL;
	unsigned long long at;
	char *end;

	if (!v)
		return 0;
	if (s && s[0] == '0' && s[1] == 'x' && strlen(s) <= 18) {
		at = strtoull(s + 2, &end, 16);
		if (!*end && end != s + 2)
			return at;
	}
	load_bad(l, key, "an address");
	return 0;
}

const json_t *load_object(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_object(v))
		load_bad(l, key, "an object");
	return v && json_is_object(v) ? v : NULL;
}

const json_t *load_array(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_array(v))
		load_bad(l, key, "an array");
	return v && json_is_array(v) ? v : NULL;
}

struct tally load_tally(struct loading *l, const json_t *o, const char *key)
{
	const json_t *v = load_object(l, o, key);

	if (!v)
		return (struct tally){ ABSENT, ABSENT };
	return (struct tally){ load_number(l, v, "blocks"), load_number(l, v, "bytes") };
}
