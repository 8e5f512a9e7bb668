/*
 * json: how the report's parts become JSON values: between the JSON renderers only. Absent numbers,
 * strings and shares are left out.
 */
#ifndef ANALYZER_REPORT_JSON_H
#define ANALYZER_REPORT_JSON_H

#include "analyzer/command/out.h"
#include "analyzer/report/report.h"

struct json_t; /* jansson's */

const char *json_library(void); /* jansson's version */

void field_number(struct json_t *object, const char *key, uint64_t n);
void field_string(struct json_t *object, const char *key, const char *s);
void field_address(struct json_t *object, const char *key, vaddr at);
void field_share(struct json_t *object, const char *key, double share);
void field_bool(struct json_t *object, const char *key, bool value);

/* Before the first value, where json_begin is not called. */
void json_begin_lines(void);

/* Writes a value on one line, and lets go of it. */
void json_put(struct out *out, struct json_t *value);
void json_text(struct out *out, const char *s); /* a string, quoted */

struct json_t *json_tally(struct tally t); /* {blocks, bytes} */
struct json_t *json_site(const struct report_site *site);
void json_owner(struct json_t *object, const struct report_owner *owner); /* its keys */
struct json_t *json_frames(const struct report_frame *v, size_t n);       /* an array */

struct json_t *json_tool(void);
struct json_t *json_input(const struct report_input *in);
struct json_t *json_process(const struct report_process *p);
struct json_t *json_memory(const struct report_memory *m);
/* Its plain numbers, of it and of its address_space; the last has no key. */
struct json_number {
	const char *key;
	size_t at; /* offset in report_memory of a uint64_t */
};
extern const struct json_number json_memory_numbers[], json_space_numbers[];
struct json_t *json_leaks(const struct report *r);

struct json_t *json_finding_of(const struct report_finding *f);
struct profile;
void json_profile(const struct profile *profile, struct out *out); /* the section, its key too */

/* Element i of an array of the report. */
struct json_t *json_finding(const struct report *r, size_t i);
struct json_t *json_keeper(const struct report *r, size_t i);
struct json_t *json_size(const struct report *r, size_t i);
struct json_t *json_arena(const struct report *r, size_t i);
struct json_t *json_tcache(const struct report *r, size_t i);
struct json_t *json_module(const struct report *r, size_t i);
struct json_t *json_thread(const struct report *r, size_t i);
struct json_t *json_mapping(const struct report *r, size_t i);

#endif
