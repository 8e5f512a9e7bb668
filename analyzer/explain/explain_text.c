/* explain: as text, one paragraph an address. */
#include "analyzer/explain/explain.h"
#include "analyzer/type/peers.h"
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"

#define ROW 16 /* bytes a line of a dump */

static void label(struct out *out, const char *name)
{
	out_str(out, "  ");
	out_style(out, STYLE_DIM);
	out_printf(out, "%-9s", name);
	out_plain(out);
}

static void pointer_row(struct table *t, const struct explain_pointer *p)
{
	const char *what = p->member ? p->member : p->type ? p->type->name : NULL;

	if (p->reg)
		table_cell(t, "%s", "register");
	else
		table_addr(t, p->at);
	table_cell(t, "%s%s%s%s%s%s", p->where, what ? ", " : "", what ? what : "",
	           p->in_block && p->reach ? " (" : "", p->in_block ? reach_name(p->reach) : "",
	           p->in_block && p->reach ? ")" : "");
	table_cell(t, "%s", "->");
	if (p->interior)
		table_cell(t, "0x%llx, %llu bytes into it%s%s%s%s", (unsigned long long)p->value,
		           (unsigned long long)(p->value - p->to),
		           p->next_header ? ", where the next chunk's header begins" : "",
		           p->how ? *p->how ? " (" : " (weak" : "", p->how ? p->how : "",
		           p->how ? ")" : "");
	else
		table_addr(t, p->value);
}

static void pointer_table(struct table *t)
{
	*t = (struct table){ .headless = true, .indent = 4 };
	table_column(t, "at", false);
	table_column(t, "in", false);
	table_column(t, "", false);
	table_column(t, "to", false);
}

static void path_text(const struct explanation *e, struct out *out)
{
	struct table t;

	if (!e->nsteps)
		return;
	label(out, "path");
	out_printf(out, "from a %s, %llu pointer%s, the shortest there is:\n",
	           strcmp(e->path_from, "leak") ? "root" : "leaked block (definite)",
	           (unsigned long long)e->length, e->length == 1 ? "" : "s");
	pointer_table(&t);
	for (size_t i = 0; i < e->nsteps; i++) {
		if (i == e->first && e->length > e->nsteps) {
			table_cell(&t, "...");
			table_cell(&t, "%llu more blocks",
			           (unsigned long long)(e->length - e->nsteps));
			table_cell(&t, "%s", "");
			table_cell(&t, "%s", "");
		}
		pointer_row(&t, &e->step[i]);
	}
	table_print(&t, out);
}

static void referrer_list(const struct explanation *e, enum referrer_kind kind, struct out *out)
{
	struct table t;

	pointer_table(&t);
	for (size_t i = 0; i < e->nreferrers[kind]; i++)
		pointer_row(&t, &e->referrer[kind][i]);
	table_print(&t, out);
	if (e->count[kind] > e->nreferrers[kind])
		out_printf(out, "    ... and %llu more (see --limit)\n",
		           (unsigned long long)(e->count[kind] - e->nreferrers[kind]));
}

static void plural(struct out *out, uint64_t n, const char *one, const char *many)
{
	char buf[TEXT_NUMBER];

	out_printf(out, "%s %s", text_count(buf, n), n == 1 ? one : many);
}

static void referrers_text(const struct explanation *e, struct out *out)
{
	uint64_t counted = e->count[REFERRER_ROOT] + e->count[REFERRER_BLOCK];

	label(out, "pointers");
	if (!counted) {
		out_str(out, "none");
	} else {
		plural(out, e->count[REFERRER_ROOT], "root", "roots");
		out_str(out, ", ");
		plural(out, e->count[REFERRER_BLOCK], "word in other blocks",
		       "words in other blocks");
		out_str(out, ":");
	}
	out_char(out, '\n');
	referrer_list(e, REFERRER_ROOT, out);
	referrer_list(e, REFERRER_BLOCK, out);
	if (e->count[REFERRER_SELF]) {
		label(out, "itself");
		plural(out, e->count[REFERRER_SELF],
		       "word in it points to it, which keeps nothing:\n",
		       "words in it point to it, which keeps nothing:\n");
		referrer_list(e, REFERRER_SELF, out);
	}
	if (e->count[REFERRER_STALE]) {
		label(out, "stale");
		plural(out, e->count[REFERRER_STALE],
		       "word looks like a pointer to it and does not count:\n",
		       "words look like pointers to it and do not count:\n");
		referrer_list(e, REFERRER_STALE, out);
	}
}

static void dump_row(struct places *places, vaddr at, uint64_t n, struct out *out)
{
	char text[ROW + 1];
	uint8_t byte;

	out_printf(out, "    0x%llx ", (unsigned long long)at);
	for (uint64_t i = 0; i < ROW; i++) {
		bool have = i < n && explain_byte(places, at + i, &byte);

		if (have)
			out_printf(out, "%s%02x", i == 8 ? "  " : " ", byte);
		else
			out_str(out, i >= n ? i == 8 ? "    " : "   " : i == 8 ? "  ??" : " ??");
		text[i] = i >= n ? '\0' : have && byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
	}
	text[ROW] = '\0';
	out_printf(out, "  |%s|\n", text);
}

static void content_text(struct places *places, const struct explanation *e, uint64_t show,
                         struct out *out)
{
	vaddr start;
	uint64_t n = explain_content(e, show, &start);

	if (!n)
		return;
	label(out, "content");
	out_printf(out, "%llu bytes from 0x%llx on:\n", (unsigned long long)n,
	           (unsigned long long)start);
	for (uint64_t done = 0; done < n; done += ROW)
		dump_row(places, start + done, n - done < ROW ? n - done : ROW, out);
}

static void verdict_text(const struct explanation *e, struct out *out)
{
	bool bad = e->reach == REACH_DEFINITE || e->reach == REACH_INDIRECT;

	if (!e->why)
		return;
	label(out, "verdict");
	if (*reach_name(e->reach)) {
		out_style(out, bad                          ? STYLE_BAD
		               : e->reach == REACH_POSSIBLE ? STYLE_WARN
		                                            : STYLE_GOOD);
		out_str(out, reach_name(e->reach));
		out_plain(out);
		out_str(out, "; ");
	}
	out_printf(out, "%s\n", e->why);
}

/* What is its own counts, not only itself. */
static void retained_text(const struct explanation *e, struct out *out)
{
	struct pool pool = { 0 };

	if (!e->retained.blocks)
		return;
	label(out, "retains");
	out_printf(out, "%s, %s: itself%s\n", text_bytes_in(&pool, e->retained.bytes),
	           text_plural(&pool, e->retained.blocks, "block", "blocks"),
	           e->retained.blocks > 1 ? " and all that only it leads to"
	                                  : ", as nothing hangs on it alone");
	pool_free(&pool);
}

static void type_text(const struct explanation *e, struct out *out)
{
	if (!e->shape)
		return;
	label(out, "type");
	if (!e->type) {
		out_printf(out, "not known; its words are %s\n", e->shape);
		return;
	}
	out_untrusted(out, e->type->name);
	out_printf(out, "; %s (confidence %.2f)\n", type_method_text(e->type->method),
	           e->type->confidence);
}

static void site_text_of(const struct explanation *e, struct out *out)
{
	const struct explain_site *s = e->site;

	if (!s)
		return;
	label(out, "site");
	if (s->likely) {
		out_str(out, "likely ");
		out_untrusted(out, s->name[0]);
		out_printf(out, " (confidence %.2f, inferred from code)\n", s->confidence);
	} else {
		out_str(out, "not clear; the likeliest:\n");
		for (size_t i = 0; i < s->nnames; i++) {
			out_printf(out, "    %3.0f%%  ", 100 * s->share[i]);
			out_untrusted(out, s->name[i]);
			out_char(out, '\n');
		}
	}
	if (s->nreasons)
		out_printf(out, "    of %u calls that ask for such a size; for the first speaks:\n",
		           s->fits);
	for (size_t i = 0; i < s->nreasons; i++)
		out_printf(out, "    x %-7.3g %s\n", s->reason[i].ratio, s->reason[i].text);
}

static void owner_text(const struct explanation *e, struct out *out)
{
	if (!e->owner)
		return;
	label(out, "owner");
	out_str(out, "held by ");
	out_untrusted(out, e->owner->text);
	out_str(out, ": ");
	out_addr(out, e->owner->example);
	out_char(out, '\n');
}

static void peers_text(const struct explanation *e, struct out *out)
{
	const struct peers *p = e->peers;
	char buf[TEXT_NUMBER];

	if (!p)
		return;
	label(out, "peers");
	if (!p->all.blocks) {
		out_printf(out, "none: no other used block is %s\n",
		           p->label ? "of this type" : "of this size and like it");
		return;
	}
	plural(out, p->all.blocks, "other block ", "other blocks ");
	out_str(out, p->label ? "of this type" : "of this size and like it");
	if (p->leaked)
		out_printf(out, ", %s of them leaked", text_count(buf, p->leaked));
	for (size_t i = 0; i < p->n; i++) {
		out_str(out, i ? " " : ": ");
		out_addr(out, p->example[i]);
	}
	out_str(out, p->all.blocks > p->n ? " ...\n" : "\n");
}

static void origin_text(const struct origin *origin, struct out *out)
{
	if (!origin)
		return;
	label(out, "origin");
	out_printf(out, "allocated here, exactly, as the process kept it%s:\n",
	           strcmp(origin->method, "sampled") ? "" : " for a sample of its blocks");
	text_frames(origin->frame, origin->n, 4, out);
}

static void fields_text(const struct explanation *e, struct out *out)
{
	const struct fields *f = &e->fields;
	struct table t = { .headless = true, .indent = 4 };

	if (e->member) {
		label(out, "member");
		out_untrusted(out, e->member);
		out_char(out, '\n');
	}
	if (!f->n)
		return;
	label(out, "fields");
	if (f->elements)
		out_printf(out, "of the first of %llu elements", (unsigned long long)f->elements);
	out_char(out, '\n');
	table_column(&t, "offset", true);
	table_column(&t, "name", false);
	table_column(&t, "type", false);
	table_column(&t, "to", false);
	for (size_t i = 0; i < f->n; i++) {
		const struct field *v = &f->v[i];

		table_cell(&t, "%llu", (unsigned long long)v->offset);
		table_cell(&t, "%s", v->name);
		if (v->bits)
			table_cell(&t, "%s:%u", v->type, v->bits);
		else
			table_cell(&t, "%s", v->type);
		if (v->pointer && v->saved && v->value)
			table_cell(&t, "0x%llx, %s", (unsigned long long)v->value, v->to);
		else
			table_cell(&t, "%s", v->pointer ? v->to : v->content ? v->content : "");
	}
	table_print(&t, out);
	if (f->more)
		out_str(out, "    ... and more\n");
}

static bool in_file(const struct explanation *e)
{
	const struct module *m = e->place.kind == PLACE_MODULE ? e->place.symbol.module : NULL;

	return m && m->file && !(e->place.segment->flags & SEG_W);
}

static void one(struct places *places, const struct explanation *e, uint64_t show, struct out *out)
{
	const struct segment *s = e->place.segment;

	out_style(out, STYLE_BOLD);
	out_addr(out, e->at);
	out_plain(out);
	out_char(out, ' ');
	out_untrusted(out, e->where);
	out_char(out, '\n');
	if (s) {
		label(out, "mapping");
		out_addr(out, s->start);
		out_char(out, '-');
		out_addr(out, s->end);
		out_str(out, ", ");
		out_untrusted(out, e->mapping);
		out_char(out, '\n');
		if (!e->place.saved) {
			label(out, "saved");
			out_printf(
				out, "no: the core does not have this byte%s\n",
				in_file(e)
					? "; the module's file, whose build-id is the same, has it"
					: ", what was there is unknown");
		}
	}
	if (e->place.kind == PLACE_MODULE && e->place.symbol.file) {
		label(out, "source");
		out_untrusted(out, e->place.symbol.file);
		out_printf(out, ":%d\n", e->place.symbol.line);
	}
	type_text(e, out);
	site_text_of(e, out);
	owner_text(e, out);
	peers_text(e, out);
	origin_text(e->origin, out);
	fields_text(e, out);
	verdict_text(e, out);
	retained_text(e, out);
	path_text(e, out);
	if (s)
		referrers_text(e, out);
	content_text(places, e, show, out);
}

void explain_text(struct places *places, const struct explanation *v, size_t n, uint64_t show,
                  struct out *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			out_char(out, '\n');
		one(places, &v[i], show, out);
	}
}
