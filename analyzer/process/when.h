/*
 * when: at what time a snapshot was taken, and who says so. A core does not record it (neither do
 * the kernel's notes: Linux fs/binfmt_elf.c). What there is, best first: the user (--times,
 * --interval), systemd's attribute of the file, and the file's time of last change, which a copy
 * may have lost. It knows no clock of its own.
 */
#ifndef ANALYZER_PROCESS_WHEN_H
#define ANALYZER_PROCESS_WHEN_H

#include "formats/base.h"

struct core;
struct pool;
struct profile;
struct report;

enum when_source {
	WHEN_UNKNOWN,
	WHEN_FILE,      /* last change of the core file */
	WHEN_ATTRIBUTE, /* user.coredump.timestamp */
	WHEN_GIVEN,     /* --times, --interval */
};
const char *when_source_name(enum when_source source); /* "", "file", "attribute", "given" */

struct when {
	enum when_source source;
	int64_t ns; /* since 1970, UTC; of --interval: since the first snapshot */
};

/* RFC 3339 ("2026-11-21T15:37:30.5Z", "+02:00" too), or seconds since 1970. */
bool when_parse(const char *text, int64_t *ns);
/* "90", "90s", "10m", "1.5h", "2d", "500ms"; more than 0. */
bool when_duration(const char *text, int64_t *ns);
/* "2026-11-21T15:37:30.500000Z". Owned by pool. */
const char *when_text(struct pool *pool, int64_t ns);
/* "20 s", "3 min", "2 h 5 min", "3 days": for people. Owned by pool. */
const char *when_span(struct pool *pool, double seconds);

/* Fills in profile->taken; after the process section. */
void when_of_core(struct report *report, const struct core *core, struct profile *profile);
struct when when_of_report(const struct report *report);

#endif
