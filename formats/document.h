/*
 * document: a text file that is read whole, plain or compressed (zstd, lz4, xz, gzip), up to a
 * bound. It knows that JSON objects begin with a brace, and nothing more of what is in it.
 */
#ifndef FORMATS_DOCUMENT_H
#define FORMATS_DOCUMENT_H

#include "formats/base.h"

struct document {
	char *text; /* n bytes, and a NUL behind them */
	size_t n;
	uint64_t given;          /* bytes of the file */
	const char *compression; /* "zstd", "lz4", "xz", "gzip"; "none" */
};

enum document_kind {
	DOCUMENT_OBJECT, /* it is one, and was read */
	DOCUMENT_BAD,    /* it is one, and cannot be used: err says why */
	DOCUMENT_OTHER,  /* something else, or no regular file: not read further than its begin */
};

/* Of at most `most` bytes; path "-": standard input, see input.h. The caller ends with
 * document_close where it is DOCUMENT_OBJECT. */
enum document_kind document_open(const char *path, size_t most, struct document *document,
                                 struct err *err);
void document_close(struct document *document);

#endif
