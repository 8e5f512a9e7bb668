/* The tables of text.h. */
#include "analyzer/report/text.h"

#include <stdio.h>

void table_column(struct table *t, const char *title, bool right)
{
	if (t->ncolumns == sizeof(t->column) / sizeof(*t->column))
		return;
	t->column[t->ncolumns].title = title;
	t->column[t->ncolumns].right = right;
	t->ncolumns++;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;
	char *big = text;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text)) { /* paths may be long */
		big = pool_alloc(&t->pool, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(big, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	array_push(&t->cells, text_escape(&t->pool, big));
}

void table_bytes(struct table *t, uint64_t bytes)
{
	char buf[TEXT_NUMBER];

	table_cell(t, "%s", text_bytes(buf, bytes));
}

void table_count(struct table *t, uint64_t n)
{
	char buf[TEXT_NUMBER];

	table_cell(t, "%s", text_count(buf, n));
}

void table_addr(struct table *t, vaddr at)
{
	char buf[TEXT_NUMBER];

	table_cell(t, "%s", text_addr(buf, at));
}

static void pad(struct out *out, size_t n)
{
	while (n-- > 0)
		out_char(out, ' ');
}

/* One row; cells NULL: the titles. No spaces at the end of a line. */
static void print_row(const struct table *t, const char *const *cells, const size_t *width,
                      struct out *out)
{
	size_t owed = t->indent; /* spaces before the next text */

	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *text = cells ? cells[i] : t->column[i].title;
		size_t blank = width[i] - text_width(text);

		if (t->column[i].right)
			owed += blank;
		if (*text) {
			pad(out, owed);
			owed = 0;
			out_str(out, text);
		}
		if (!t->column[i].right)
			owed += blank;
		owed += 2;
	}
	out_char(out, '\n');
}

void table_free(struct table *t)
{
	array_free(&t->cells);
	pool_free(&t->pool);
	*t = (struct table){ 0 };
}

void table_print(struct table *t, struct out *out)
{
	size_t width[sizeof(t->column) / sizeof(*t->column)];
	size_t rows = t->ncolumns ? t->cells.n / t->ncolumns : 0;

	for (size_t i = 0; i < t->ncolumns; i++)
		width[i] = t->headless ? 0 : text_width(t->column[i].title);
	for (size_t r = 0; r < rows; r++) {
		for (size_t i = 0; i < t->ncolumns; i++) {
			size_t w = text_width(t->cells.v[r * t->ncolumns + i]);

			if (w > width[i])
				width[i] = w;
		}
	}
	if (!t->headless) {
		out_style(out, STYLE_DIM);
		print_row(t, NULL, width, out);
		out_plain(out);
	}
	for (size_t r = 0; r < rows; r++)
		print_row(t, t->cells.v + r * t->ncolumns, width, out);
	table_free(t);
}
