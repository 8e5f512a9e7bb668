/*
 * text: numbers and names as a person reads them, and aligned tables. It knows no report.
 */
#ifndef ANALYZER_REPORT_TEXT_H
#define ANALYZER_REPORT_TEXT_H

#include "analyzer/command/out.h"

#define TEXT_NUMBER 40 /* room for any of the numbers below */

/* "0 B", "1,023 B", "1.17 GiB", "11.7 GiB", "117 GiB": three digits, IEC. Returns buf. */
const char *text_bytes(char buf[TEXT_NUMBER], uint64_t bytes);
/* "1,204". Returns buf. */
const char *text_count(char buf[TEXT_NUMBER], uint64_t n);
/* "0x7f12..."; returns buf. */
const char *text_addr(char buf[TEXT_NUMBER], vaddr at);
/* "12%", "0.3%", "<0.1%" of whole; "" where whole is 0. Returns buf. */
const char *text_share(char buf[TEXT_NUMBER], uint64_t part, uint64_t whole);

/* The same out of a pool, for tables. */
const char *text_bytes_in(struct pool *pool, uint64_t bytes);
const char *text_count_in(struct pool *pool, uint64_t n);
/* "1 block", "2 blocks": count with its noun. */
const char *text_plural(struct pool *pool, uint64_t n, const char *one, const char *many);

/*
 * A string from the core (path, comm) made safe for a terminal: control characters, DEL, C1
 * controls, bidirectional overrides and bytes that are not UTF-8 become \xNN. Owned by pool.
 */
const char *text_escape(struct pool *pool, const char *s);
/* Bytes of s that a terminal may show as they are (0: escape the first byte). */
size_t text_safe(const char *s, size_t n);
/* Columns that s takes: its code points. */
size_t text_width(const char *s);

/* s for a POSIX shell, quoted where it must be. Owned by pool. */
const char *text_shell(struct pool *pool, const char *s);

/*
 * A paragraph, each line behind `indent` spaces, broken at blanks to fit the terminal (at most
 * 100).
 */
void text_wrap(struct out *out, unsigned indent, const char *text);

/* An empty line, then the text, bold, on its own. */
void text_heading(struct out *out, const char *text);

/* Table: columns, then cells row by row, then print. */
struct table {
	struct pool pool;
	ARRAY(const char *) cells;
	struct {
		const char *title;
		bool right; /* flush right: numbers */
	} column[16];
	size_t ncolumns;
	unsigned indent; /* columns left of the first */
	bool headless;   /* no line with the titles */
};

void table_column(struct table *t, const char *title, bool right);
/* The next cell; copied into the table's pool and made safe as text_escape does. */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_bytes(struct table *t, uint64_t bytes); /* text_bytes */
void table_count(struct table *t, uint64_t n);     /* text_count */
void table_addr(struct table *t, vaddr at);
/* Prints and empties the table. */
void table_print(struct table *t, struct out *out);
void table_free(struct table *t); /* only empties it */

#endif
