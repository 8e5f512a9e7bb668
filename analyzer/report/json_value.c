/* The fields of json.h. */
#include "analyzer/report/json.h"
#include "analyzer/report/text.h"

#include <jansson.h>

const char *json_library(void)
{
	return JANSSON_VERSION;
}

static int write_part(const char *buffer, size_t size, void *data)
{
	out_bytes(data, buffer, size);
	return 0;
}

/* Writes value, and lets go of it. */
void json_put(struct out *out, json_t *value)
{
	json_dump_callback(value, write_part, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	json_decref(value);
}

void json_text(struct out *out, const char *s)
{
	struct pool pool = { 0 };
	json_t *value;

	for (const char *at = s;; at++) {
		if (!*at) { /* most are plain */
			out_char(out, '"');
			out_str(out, s);
			out_char(out, '"');
			return;
		}
		if (*at < 0x20 || *at >= 0x7f || *at == '"' || *at == '\\')
			break;
	}
	value = json_string(s);
	json_put(out, value ? value : json_string(text_escape(&pool, s)));
	pool_free(&pool);
}

void field_number(json_t *object, const char *key, uint64_t n)
{
	if (n != ABSENT)
		json_object_set_new(object, key,
		                    json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

void field_string(json_t *object, const char *key, const char *s)
{
	struct pool pool = { 0 };
	json_t *value;

	if (!s)
		return;
	value = json_string(s);
	if (!value) /* no UTF-8: paths are any bytes */
		value = json_string(text_escape(&pool, s));
	json_object_set_new(object, key, value);
	pool_free(&pool);
}

void field_address(json_t *object, const char *key, vaddr at)
{
	char text[TEXT_NUMBER];

	json_object_set_new(object, key, json_string(text_addr(text, at)));
}

void field_share(json_t *object, const char *key, double share)
{
	if (share >= 0)
		json_object_set_new(object, key, json_real(share));
}

void field_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

json_t *json_tally(struct tally t)
{
	json_t *o = json_object();

	field_number(o, "blocks", t.blocks);
	field_number(o, "bytes", t.bytes);
	return o;
}
