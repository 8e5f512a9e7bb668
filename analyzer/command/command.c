#include "analyzer/command/command.h"
#include "analyzer/command/progress.h"
#include "analyzer/leak/select.h"
#include "analyzer/report/folded.h"
#include "analyzer/report/html.h"
#include "analyzer/report/prom.h"
#include "analyzer/report/text.h"
#include "formats/input.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define PROM_FINDINGS 20 /* each is a time series of its own */

static uint64_t opened_ms; /* when the core was opened */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ncommands; i++) {
		if (commands[i] && !strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

/* Lines stay lines; everything else that a terminal would act on is made visible. */
static void put_line(FILE *to, const char *line, size_t n)
{
	while (n > 0) {
		size_t safe = text_safe(line, n);

		if (safe > 0)
			fwrite(line, 1, safe, to);
		else
			fprintf(to, "\\x%02x", (unsigned char)*line), safe = 1;
		line += safe;
		n -= safe;
	}
	fputc('\n', to);
}

void command_say(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	progress_stop();
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("coreheap: ", stderr);
	for (const char *at = text;;) {
		size_t n = strcspn(at, "\n");

		put_line(stderr, at, n);
		if (!at[n])
			break;
		at += n + 1;
	}
	fflush(stderr);
}

/* Of an input, in messages. */
static const char *name_of(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

static void show_progress(const struct options *opt)
{
	struct pool pool = { 0 };

	if (!opt->quiet)
		progress_start(text_escape(&pool, base_name(name_of(opt->arg[0]))));
	pool_free(&pool);
}

void command_begin(const struct options *opt)
{
	opened_ms = now_ms();
	show_progress(opt);
	input_bound(opt->max_unpacked);
}

bool command_open(const struct options *opt, struct analysis *a)
{
	struct err err;

	command_begin(opt);
	if (analysis_open(opt->arg[0], &opt->where, a, &err)) {
		a->threads = opt->threads;
		return true;
	}
	command_say("%s", err.msg);
	return false;
}

void command_select(const struct options *opt, struct report *report)
{
	const struct selection selection = {
		.type = opt->has_type ? &opt->type : NULL,
		.site = opt->has_site ? &opt->site : NULL,
		.suppressions = opt->has_suppressions ? &opt->suppressions : NULL,
		.by_site = opt->by_site,
		.min_bytes = opt->min_bytes,
	};

	report_select(report, &selection);
}

void command_limits(const struct options *opt, struct report *report)
{
	struct rusage usage;

	if (!opt->verbose)
		return;
	report->has_limits = true;
	report->elapsed_ms = now_ms() - opened_ms;
	report->peak_rss = ABSENT;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		report->peak_rss = (uint64_t)usage.ru_maxrss * 1024; /* Linux tells KiB */
}

/* What is suppressed does not count. */
static struct tally told(struct tally t, struct tally suppressed)
{
	t.blocks -= suppressed.blocks < t.blocks ? suppressed.blocks : t.blocks;
	t.bytes -= suppressed.bytes < t.bytes ? suppressed.bytes : t.bytes;
	return t;
}

static uint64_t quantity(const struct report *r, const struct condition *c)
{
	const struct tally definite = told(r->leaks.definite, r->suppressed.definite);
	const struct tally indirect = told(r->leaks.indirect, r->suppressed.indirect);
	struct tally t = { 0 };

	switch (c->left) {
	case QUANTITY_DEFINITE:
		t = definite;
		break;
	case QUANTITY_INDIRECT:
		t = indirect;
		break;
	case QUANTITY_POSSIBLE:
		t = told(r->leaks.possible, r->suppressed.possible);
		break;
	case QUANTITY_REACHABLE:
		t = r->leaks.reachable;
		break;
	case QUANTITY_IN_USE:
		t = (struct tally){ r->memory.in_use_blocks, r->memory.in_use };
		break;
	case QUANTITY_FREE_HELD:
		t = (struct tally){ r->memory.free_blocks, r->memory.free_held };
		break;
	case QUANTITY_LEAKED:
		t.blocks = definite.blocks + indirect.blocks;
		t.bytes = definite.bytes + indirect.bytes;
		break;
	case CONDITION_NONE:
	case QUANTITY_GROWTH: /* diff's */
	case QUANTITY_LEAK_GROWTH:
	case QUANTITY_RESIDENT_GROWTH:
	case QUANTITIES:
		break;
	}
	return c->blocks ? t.blocks : t.bytes;
}

/* Why --fail-on cannot be decided; NULL: it can. Silence would read as "no leak". */
static const char *undecided(const struct options *opt, const struct report *r)
{
	const enum quantity q = opt->fail_on.left;

	if (!r->has_leaks)
		return "no heap of glibc's malloc was found";
	if (r->leaks.withheld &&
	    (q == QUANTITY_DEFINITE || q == QUANTITY_INDIRECT || q == QUANTITY_LEAKED))
		return "part of the memory that may hold pointers is missing from the core, so "
		       "what is "
		       "unreachable is called possible";
	return NULL;
}

static bool matched(const struct options *opt, const struct report *r)
{
	const struct condition *c = &opt->fail_on;
	const char *why;

	if (c->left == CONDITION_NONE)
		return false;
	why = undecided(opt, r);
	if (why)
		command_say("%s: --fail-on %s cannot be decided: %s; add --strict to have a "
		            "partial "
		            "core end with exit status 4",
		            name_of(r->input.path), c->text, why);
	return r->has_leaks && condition_holds(c, quantity(r, c));
}

bool command_render(const struct options *opt, const struct report *report, enum report_rows rows,
                    void (*csv)(const struct report *report, struct out *out), struct out *out)
{
	switch (opt->format) {
	case FORMAT_JSON:
		json_report(report, out);
		return true;
	case FORMAT_JSONL:
		jsonl_rows(report, rows, out);
		return true;
	case FORMAT_CSV:
		csv(report, out);
		return true;
	case FORMAT_PROM:
		prom_report(report, opt->has_limit ? opt->limit : PROM_FINDINGS, out);
		return true;
	case FORMAT_FOLDED:
		folded_leaks(report, out);
		return true;
	case FORMAT_HTML:
		html_report(report, opt, out);
		return true;
	default:
		return false;
	}
}

int command_end(const struct options *opt, const struct report *report, bool told)
{
	for (size_t i = 0; i < report->input.warnings.n && !opt->quiet && !told; i++)
		command_say("%s: %s", name_of(report->input.path),
		            report->input.warnings.v[i].message);
	if (matched(opt, report))
		return EXIT_MATCHED;
	if (opt->strict && report->partial)
		return EXIT_PARTIAL;
	return EXIT_ANALYSED;
}
