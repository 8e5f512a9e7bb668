/*
 * out: where results go: standard output or the file of -o, buffered, with write errors kept until
 * they are asked for. It knows file descriptors and terminals, and nothing of what is written.
 *
 * A file is written under a temporary name beside its target (mode 0600: cores hold secrets) and
 * renamed over it when all is well; a symbolic link is replaced, never followed. Where the target
 * is a device or pipe (/dev/null, a FIFO) it is written in place.
 */
#ifndef ANALYZER_COMMAND_OUT_H
#define ANALYZER_COMMAND_OUT_H

#include "formats/base.h"

enum color {
	COLOR_AUTO, /* where the output is a terminal and NO_COLOR is not set */
	COLOR_ALWAYS,
	COLOR_NEVER,
};

struct out {
	bool color;     /* ANSI colours are wanted */
	unsigned width; /* columns of the terminal; 0: no terminal */
	/* private */
	int fd;
	int failed;       /* errno of the first failed write; 0: none */
	const char *path; /* target of -o; NULL: standard output */
	char *temporary;  /* name that is written to; NULL: none */
	char *buf;
	size_t n, cap; /* bytes waiting in buf */
	bool memory;   /* keep everything in buf (tests, text made to be measured) */
};

/* path NULL: standard output. */
bool out_open(struct out *out, const char *path, enum color color, struct err *err);
/* An out that only keeps text; out_text gives it, with a NUL at the end. */
void out_memory(struct out *out);
const char *out_text(struct out *out);

/* Flushes, and puts the file in its place. False: a write failed, errno is in out->failed. */
bool out_close(struct out *out, struct err *err);
/* Gives up: what is not yet written is dropped, the temporary file removed. */
void out_discard(struct out *out);

/* For an end in a hurry: removes the temporary file, if there is one. Safe in a signal handler. */
void out_abandon(void);
/* Ends as other programs do whose reader has gone: by SIGPIPE, quietly. Does not return. */
void out_end_by_pipe(void) __attribute__((noreturn));

/* True once a write has failed: long listings stop then. */
static inline bool out_failed(const struct out *out)
{
	return out->failed != 0;
}

void out_bytes(struct out *out, const void *p, size_t n);
void out_str(struct out *out, const char *s);
void out_char(struct out *out, char c);
void out_u64(struct out *out, uint64_t n); /* decimal */
void out_addr(struct out *out, vaddr at);  /* 0x..., lower case */
void out_printf(struct out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * A string that came from the core: as out_str, with control characters made visible (text_escape).
 */
void out_untrusted(struct out *out, const char *s);
/* One CSV field, quoted where RFC 4180 asks for it, control characters made visible. */
void out_csv(struct out *out, const char *s);

enum style { STYLE_BAD, STYLE_GOOD, STYLE_WARN, STYLE_BOLD, STYLE_DIM };
/* Switches colours on and off; nothing where colours are not wanted. */
void out_style(struct out *out, enum style style);
void out_plain(struct out *out);

#endif
