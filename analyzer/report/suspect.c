#include "analyzer/report/suspect.h"
#include "analyzer/report/text.h"

#define WORTH_NAMING 5   /* a group that has this part of what leaked, or more */
#define LOOKS_MOST   120 /* bytes of a signature in it */
#define TRAITS_TOLD  3   /* in a sentence */
#define KIN_PART     5   /* other groups are told of that have this part of it, or more */
#define RANKS        5   /* kinds of traits but one */
#define NAME_MOST    120 /* bytes of a type's name in a sentence */

/* A leak with what it holds; what is possible by itself, if no structural pointer keeps it. */
static uint64_t retained_by(const struct report_finding *f, const char *reach)
{
	if (!f->reach || strcmp(f->reach, reach) != 0 ||
	    (f->interior && strcmp(f->interior, "weak") != 0))
		return 0;
	return f->retained_bytes != ABSENT ? f->retained_bytes : f->bytes;
}

/* "of type Session", "of 40 B". */
static const char *kind_of(struct report *r, const struct report_finding *f)
{
	char buf[TEXT_NUMBER];

	if (f->type)
		return pool_printf(&r->pool, " of type %.*s%s", NAME_MOST, f->type,
		                   strlen(f->type) > NAME_MOST ? "..." : "");
	if (f->size == ABSENT)
		return " of several sizes";
	return pool_printf(&r->pool, " of %s B", text_count(buf, f->size));
}

/* Who allocated it: known, or inferred, more or less surely. */
static const char *place_of(struct report *r, const struct report_finding *f)
{
	/* as site_report.c has them */
	static const char perhaps[] = "perhaps ", held[] = "held by ", most[] = "mostly held by ";

	if (!f->site_text && f->site.function && f->site.file && f->site.line != ABSENT)
		return pool_printf(&r->pool, ", allocated by %s (%s:%llu)", f->site.function,
		                   base_name(f->site.file), (unsigned long long)f->site.line);
	if (!f->site_text && f->site.function)
		return pool_printf(&r->pool, ", allocated by %s", f->site.function);
	if (!f->site_text)
		return "";
	if (f->site_method)
		return pool_printf(&r->pool, ", likely allocated by %s", f->site_text);
	if (!strncmp(f->site_text, perhaps, strlen(perhaps)))
		return pool_printf(&r->pool, ", perhaps allocated by %s",
		                   f->site_text + strlen(perhaps));
	if (!strncmp(f->site_text, held, strlen(held)) ||
	    !strncmp(f->site_text, most, strlen(most)))
		return pool_printf(&r->pool, ", %s", f->site_text);
	return pool_printf(&r->pool, ", allocated by %s", f->site_text);
}

/* "{168} -> text": where no name says what it is. */
static const char *looks_of(struct report *r, const struct report_finding *f)
{
	size_t n = f->signature ? strlen(f->signature) : 0;
	bool cut = n > LOOKS_MOST;

	if (f->type || !n || !strstr(f->signature, " -> "))
		return "";
	if (cut) /* behind what it points to as far as there is room */
		for (n = LOOKS_MOST; n && memcmp(f->signature + n, ", ", 2) != 0;)
			n--;
	return n ? pool_printf(&r->pool, " (%.*s%s)", (int)n, f->signature, cut ? ", ..." : "")
	         : "";
}

/* "at offset 24 the address of handler (server+0x1234)"; the word is left out but for the first. */
static const char *trait_text(struct report *r, const struct report_trait *t, bool first)
{
	static const struct {
		const char *kind, *words;
	} kinds[] = { { "function", "the address of " },
		      { "variable", "the address of " },
		      { "block", "a pointer to " },
		      { "string", "a std::string like " },
		      { "pointer to text", "a pointer to text like " },
		      { "text", "text like " } };
	const char *words = "", *what = t->text;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(t->kind, kinds[i].kind))
			words = kinds[i].words;
	if (!strcmp(what, "text")) { /* of no form, or of several */
		words = !strcmp(t->kind, "string") ? "a std::string"
		        : strcmp(t->kind, "text")  ? "a pointer to text"
		                                   : "text";
		what = "";
	}
	return pool_printf(&r->pool, " at %s%llu %s%s", first ? "offset " : "",
	                   (unsigned long long)t->offset, words, what);
}

/* The surest kinds of traits come first. */
static unsigned rank_of(const struct report_trait *t)
{
	static const char *const kinds[] = { "function", "variable", "block", "string",
		                             "pointer to text" };
	unsigned i = 0;

	while (i < sizeof(kinds) / sizeof(*kinds) && strcmp(t->kind, kinds[i]) != 0)
		i++;
	return i;
}

/* What its blocks have in common. */
static const char *traits_of(struct report *r, const struct report_finding *f)
{
	const char *text = "";
	unsigned told = 0;

	for (unsigned rank = 0; rank <= RANKS; rank++)
		for (size_t i = 0; i < f->ntraits && told < TRAITS_TOLD; i++)
			if (rank_of(&f->trait[i]) == rank) {
				text = pool_printf(&r->pool, "%s%s%s", text, told ? "," : "",
				                   trait_text(r, &f->trait[i], !told));
				told++;
			}
	if (!told)
		return "";
	return pool_printf(&r->pool, " %s%s.",
	                   f->blocks == 1 ? "It has" : "What they have in common:", text);
}

/* The finding of this verdict that holds most, if that is a good part of all. */
static const struct report_finding *largest(const struct report *r, const char *reach,
                                            uint64_t bytes)
{
	const struct report_finding *f = NULL;

	for (size_t i = 0; i < r->findings.n; i++)
		if (!f || retained_by(&r->findings.v[i], reach) > retained_by(f, reach))
			f = &r->findings.v[i];
	return f && retained_by(f, reach) && retained_by(f, reach) >= bytes / WORTH_NAMING ? f
	                                                                                   : NULL;
}

static bool is_kin(const struct report_finding *a, const struct report_finding *b)
{
	if (a->type && b->type)
		return !strcmp(a->type, b->type);
	return !a->type && !b->type && a->size != ABSENT && a->size == b->size;
}

/* Where the same thing leaks with one thing or another below it: all of that. */
static const char *with_kin(struct report *r, const struct report_finding *f, const char *reach,
                            uint64_t bytes)
{
	uint64_t sum = 0, groups = 0;
	char share[TEXT_NUMBER];

	for (size_t i = 0; i < r->findings.n; i++) {
		const struct report_finding *x = &r->findings.v[i];

		if (!retained_by(x, reach) || !is_kin(x, f))
			continue;
		sum += retained_by(x, reach);
		groups++;
	}
	if (sum < retained_by(f, reach) / KIN_PART * (KIN_PART + 1) || groups < 2)
		return "";
	return pool_printf(&r->pool, " The %s groups of this %s have %s together.",
	                   text_count_in(&r->pool, groups), f->type ? "type" : "size",
	                   text_share(share, sum, bytes));
}

const char *suspect_text(struct report *r, const char *reach, uint64_t bytes)
{
	const struct report_finding *f = largest(r, reach, bytes);
	char share[TEXT_NUMBER];
	uint64_t part;
	bool nobody;

	if (!f)
		return "";
	nobody = !f->site_text && !f->site.function; /* then all that tells who it may be */
	part = retained_by(f, reach);
	text_share(share, part, bytes);
	return pool_printf(&r->pool, " %s of it, %s, %s %s%s%s%s%s.%s%s",
	                   part == bytes            ? "All"
	                   : !strcmp(share, "100%") ? "Nearly all"
	                                            : share,
	                   text_bytes_in(&r->pool, part), f->blocks == 1 ? "is" : "are",
	                   text_plural(&r->pool, f->blocks, "block", "blocks"), kind_of(r, f),
	                   !f->held.blocks || f->held.blocks == ABSENT ? ""
	                   : f->blocks == 1                            ? " with what hangs on it"
	                                                               : " with what hangs on them",
	                   nobody ? looks_of(r, f) : "", place_of(r, f),
	                   with_kin(r, f, reach, bytes), nobody ? traits_of(r, f) : "");
}
