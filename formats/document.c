#include "formats/document.h"
#include "formats/decompress.h"
#include "formats/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
	struct document document;
	size_t room, most;
	bool other, big;
};

/* Does it begin like a JSON object? Blanks as JSON has them (RFC 8259) may come first. */
static bool is_object(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r'))
		i++;
	return i < n && p[i] == '{';
}

static bool take(void *taker, const uint8_t *p, size_t n)
{
	struct reading *r = taker;
	struct document *d = &r->document;

	if (!d->n && !is_object(p, n))
		r->other = true;
	else if (n > r->most - d->n)
		r->big = true;
	if (r->other || r->big)
		return false;
	while (r->room - d->n <= n) {
		r->room = r->room * 2 + DECOMPRESS_CHUNK;
		d->text = mem_grow(d->text, r->room, 1);
	}
	memcpy(d->text + d->n, p, n);
	d->n += n;
	d->text[d->n] = 0;
	return true;
}

static enum document_kind judge(const char *path, const struct reading *r, enum stream_end end,
                                const char *why, struct err *err)
{
	if (r->other || !r->document.n)
		return DOCUMENT_OTHER;
	if (r->big)
		err_set(err,
		        "%s: a JSON file of more than %zu MiB; a saved report is smaller: make it "
		        "again with coreheap summary CORE --json --profile -o FILE",
		        path, r->most >> 20);
	else if (end != STREAM_WHOLE)
		err_set(err, "%s: not all of it can be read%s%s; copy it again", path,
		        why ? ": " : "", why ? why : "");
	else
		return DOCUMENT_OBJECT;
	return DOCUMENT_BAD;
}

/* Of a regular file that stands at its start. */
static enum document_kind read_file(const char *path, int fd, const struct stat *st,
                                    struct reading *r, struct err *err)
{
	const char *why = NULL;
	enum document_kind kind;
	enum stream_end end;
	enum packing packing;
	struct source source;
	const uint8_t *head;
	size_t n;

	source_open(&source, fd);
	head = source_want(&source, SOURCE_AHEAD, &n);
	packing = packing_of(head, n);
	end = decompress(packing, &source, take, r, &why);
	r->document.given = (uint64_t)st->st_size;
	r->document.compression = packing_name(packing);
	kind = judge(path, r, end, why, err);
	source_close(&source);
	return kind;
}

/* What is no object is left for whoever opens it as something else. */
static enum document_kind read_stdin(struct reading *r, struct err *err)
{
	enum document_kind kind = DOCUMENT_OTHER;
	struct stat st;
	int fd;

	if (!input_peek_stdin(&fd, err))
		return DOCUMENT_BAD;
	if (!fstat(fd, &st))
		kind = read_file("standard input", fd, &st, r, err);
	if (kind == DOCUMENT_OTHER)
		lseek(fd, 0, SEEK_SET);
	else
		input_use_stdin();
	close(fd);
	return kind;
}

static enum document_kind read_path(const char *path, struct reading *r, struct err *err)
{
	enum document_kind kind = DOCUMENT_OTHER;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return DOCUMENT_OTHER; /* whoever opens it as something else says why */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		kind = read_file(path, fd, &st, r, err);
	close(fd);
	return kind;
}

enum document_kind document_open(const char *path, size_t most, struct document *document,
                                 struct err *err)
{
	struct reading r = { .most = most };
	enum document_kind kind = strcmp(path, "-") ? read_path(path, &r, err)
	                                            : read_stdin(&r, err);

	if (kind == DOCUMENT_OBJECT)
		*document = r.document;
	else
		mem_free(r.document.text);
	return kind;
}

void document_close(struct document *document)
{
	mem_free(document->text);
	*document = (struct document){ 0 };
}
