#include "analyzer/process/when.h"
#include "analyzer/diff/profile.h"
#include "formats/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define SECOND  INT64_C(1000000000) /* ns */
#define LONGEST 4e9                 /* seconds: 2096, and what an interval may have */

static const char *const source_names[] = { "", "file", "attribute", "given" };

const char *when_source_name(enum when_source source)
{
	return source_names[source];
}

/* Seconds, maybe with a fraction; *end is what follows. */
static bool read_seconds(const char *text, double *seconds, char **end)
{
	if (*text < '0' || *text > '9')
		return false;
	*seconds = strtod(text, end);
	return isfinite(*seconds);
}

bool when_duration(const char *text, int64_t *ns)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 },   { "s", 1 },    { "ms", 1e-3 },
		      { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	double n;
	char *end;

	if (!read_seconds(text, &n, &end))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		n *= units[i].seconds;
		if (n < 1e-6 || n > LONGEST)
			return false;
		*ns = (int64_t)(n * 1e9);
		return true;
	}
	return false;
}

/* What follows the seconds: nothing but "Z", or the distance from UTC, in minutes. */
static bool read_zone(const char *text, long *minutes)
{
	unsigned hour, minute;
	char sign, rest;

	*minutes = 0;
	if (!strcmp(text, "Z") || !strcmp(text, "z"))
		return true;
	if (sscanf(text, "%c%2u:%2u%c", &sign, &hour, &minute, &rest) != 3 ||
	    (sign != '+' && sign != '-') || hour > 23 || minute > 59)
		return false;
	*minutes = (long)(hour * 60 + minute) * (sign == '+' ? 1 : -1);
	return true;
}

static bool read_date(const char *text, int64_t *ns)
{
	struct tm tm = { 0 };
	double seconds = 0;
	long minutes;
	char *end;
	int n = 0;

	if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	           &tm.tm_hour, &tm.tm_min, &n) != 5 ||
	    !n || !read_seconds(text + n, &seconds, &end) || seconds >= 61)
		return false;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
	    tm.tm_min > 59 || tm.tm_year > 2200 || !read_zone(end, &minutes))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ns = ((int64_t)timegm(&tm) - minutes * 60) * SECOND + (int64_t)(seconds * 1e9);
	return true;
}

bool when_parse(const char *text, int64_t *ns)
{
	char *end;
	double seconds;

	if (read_date(text, ns))
		return true;
	if (!read_seconds(text, &seconds, &end) || *end || seconds > LONGEST)
		return false;
	*ns = (int64_t)(seconds * 1e9);
	return true;
}

const char *when_text(struct pool *pool, int64_t ns)
{
	time_t seconds = (time_t)(ns / SECOND);
	char text[32];
	struct tm tm;

	if (ns < 0 || !gmtime_r(&seconds, &tm))
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return pool_printf(pool, "%s.%06lldZ", text, (long long)(ns % SECOND / 1000));
}

const char *when_span(struct pool *pool, double seconds)
{
	unsigned long long s = (unsigned long long)(seconds + 0.5);

	if (seconds < 10)
		return pool_printf(pool, "%.3g s", seconds);
	if (s < 120)
		return pool_printf(pool, "%llu s", s);
	if (s < 7200)
		return pool_printf(pool, "%llu min", (s + 30) / 60);
	if (s < 2 * 86400)
		return pool_printf(pool, "%llu h %llu min", s / 3600, s % 3600 / 60);
	return pool_printf(pool, "%llu days", (s + 43200) / 86400);
}

void when_of_core(struct report *report, const struct core *core, struct profile *profile)
{
	struct stat st;
	int64_t ns;

	if (report->process.timestamp && when_parse(report->process.timestamp, &ns)) {
		profile->taken = when_text(&report->pool, ns);
		profile->taken_source = when_source_name(WHEN_ATTRIBUTE);
	} else if (strcmp(core->path, "-") && !stat(core->path, &st)) {
		ns = (int64_t)st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec;
		profile->taken = when_text(&report->pool, ns);
		profile->taken_source = when_source_name(WHEN_FILE);
	}
}

struct when when_of_report(const struct report *report)
{
	const struct profile *p = report->profile;
	const char *text = report->process.timestamp;
	struct when w = { WHEN_ATTRIBUTE, 0 };

	if (p && p->taken) {
		text = p->taken;
		if (p->taken_source && !strcmp(p->taken_source, when_source_name(WHEN_FILE)))
			w.source = WHEN_FILE;
	}
	if (!text || !when_parse(text, &w.ns))
		w.source = WHEN_UNKNOWN;
	return w;
}
