/*
 * The truth: one record a block, addresses hidden, in a mapping of its own that is gone by
 * the time the process dies. Written with write(2), for stdio would allocate.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct record {
	uint64_t hidden;
	size_t requested, usable;
	const char *label;
	uint32_t group, owner;
	uint8_t class;
	bool pending; /* T_FREED, and not freed yet */
	bool gone;    /* the address was handed out again */
};

static struct record *record;
static size_t count, capacity;
static uint32_t group;
static bool freed_any;
static __thread uint32_t me;
static uint32_t owners;
static char out[1 << 14];
static size_t out_len;
static int out_fd = -1;
static struct {
	const char *key;
	uint64_t value;
} note[16];
static size_t notes;

void truth_open(size_t records)
{
	record = mmap(NULL, records * sizeof(*record), PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		die("mmap of the truth");
	capacity = records;
}

/* Where a block is: without the tag (aarch64) that it gets each time it is handed out. */
static uint64_t place(uint64_t hidden)
{
#if defined(__aarch64__)
	return (hidden ^ HIDDEN) & UINT64_MAX >> 8;
#else
	return hidden ^ HIDDEN;
#endif
}

void truth_group(void)
{
	group++;
}

static uint32_t owner(void)
{
	if (!me)
		me = ++owners;
	return me;
}

NOINLINE void truth_add(const void *p, size_t requested, enum truth_class class, const char *label)
{
	struct record *r = &record[count];

	if (count == capacity)
		die("the truth is full");
	if (freed_any)
		for (size_t i = 0; i < count; i++)
			if (place(record[i].hidden) == place(hide(p)))
				record[i].gone = true;
	r->hidden = hide(p);
	r->requested = requested;
	r->usable = malloc_usable_size((void *)p);
	r->label = label;
	r->group = group;
	r->owner = owner();
	r->class = (uint8_t) class;
	r->pending = class == T_FREED;
	count++;
}

size_t truth_last(void)
{
	return count - 1;
}

void *truth_ptr(size_t id)
{
	return unhide(record[id].hidden);
}

NOINLINE void truth_free(size_t id)
{
	record[id].pending = false;
	record[id].class = T_FREED;
	freed_any = true;
	free(truth_ptr(id));
}

NOINLINE void truth_realloc(size_t id, size_t requested)
{
	void *p = realloc(truth_ptr(id), requested);

	if (!p)
		die("realloc");
	record[id].hidden = hide(p);
	record[id].requested = requested;
	record[id].usable = malloc_usable_size(p);
}

NOINLINE void truth_free_all(const char *label)
{
	for (size_t i = 0; i < count; i++) {
		const struct record *r = &record[i];

		if (r->pending && r->owner == owner() && !strcmp(r->label, label))
			truth_free(i);
	}
}

void truth_note(const char *key, uint64_t value)
{
	note[notes].key = key;
	note[notes++].value = value;
}

static void flush(void)
{
	size_t done = 0;

	while (done < out_len) {
		ssize_t n = write(out_fd, out + done, out_len - done);

		if (n <= 0)
			die("write of the truth");
		done += (size_t)n;
	}
	out_len = 0;
}

static void text(const char *s)
{
	size_t n = strlen(s);

	if (out_len + n > sizeof(out))
		flush();
	memcpy(out + out_len, s, n);
	out_len += n;
}

static void number(uint64_t v, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	text(digits + at);
}

static void line(const struct record *r)
{
	static const char *const word[] = {
		"live", "possible", "leaked-definite", "leaked-indirect", "leaked", "freed"
	};

	text("0x");
	number(place(r->hidden), 16);
	text(" ");
	number(r->requested, 10);
	text(" ");
	number(r->usable, 10);
	text(" ");
	text(word[r->class]);
	text(" ");
	text(r->label);
	text("#");
	number(r->group, 10);
	text("\n");
}

NOINLINE void truth_write(const char *path)
{
	static char tmp[4096];

	if (strlen(path) + 5 > sizeof(tmp))
		die("path of the truth: too long");
	strcpy(tmp, path);
	strcat(tmp, ".tmp");
	out_fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (out_fd < 0)
		die("open of the truth");
	for (size_t i = 0; i < notes; i++) {
		text("# ");
		text(note[i].key);
		text(" ");
		number(note[i].value, 10);
		text("\n");
	}
	for (size_t i = 0; i < count; i++) {
		if (record[i].pending)
			die("a block was to be freed, and was not");
		if (!record[i].gone)
			line(&record[i]);
	}
	flush();
	close(out_fd);
	memset(out, 0, sizeof(out));
	munmap(record, capacity * sizeof(*record));
	if (rename(tmp, path))
		die("rename of the truth");
}
