/*
 * What the C library allocates for a program, by what it writes there (glibc 2.17 to 2.43, whose
 * layouts of these are the same):
 *
 *   FILE      libio/bits/types/struct_FILE.h: a magic number, a vtable in libc's own section
 *   DIR       sysdeps/unix/sysv/linux/dirstream.h: its descriptor, the size of the buffer behind it
 *   addrinfo  netdb.h: the address stands right behind the struct (getaddrinfo.c)
 *   locale    locale/localeinfo.h: a pointer into a file of locale data
 *   link_map  include/link.h: ld.so's description of a loaded file: where it is, its name, its
 *             dynamic section, links to the next and the previous, and to itself
 *   dtv       elf/dl-tls.c: a thread's table of thread-local variables, and what it leads to
 */
#include "analyzer/analysis.h"
#include "analyzer/type/typing.h"

#define FILE_MAGIC     0xfbad0000u /* upper half of the first 32 bits */
#define FILE_BUFFER    7           /* word: start of its buffer; the next: its end */
#define DIR_BUFFER_MAX (UINT64_C(1) << 20)
#define MODULES_MAX    4096 /* modules with thread-local variables */
#define PTHREAD_BYTES  0x900

struct clib {
	struct typing *t;
	struct view view;
	unsigned word;
	const struct module *libc; /* NULL: static, or not found */
	uint32_t file, buffer, dir, addrinfo, locale, map;
};

static uint32_t label(struct typing *t, const char *name, double confidence)
{
	struct type type = { name, "libc", confidence };

	return types_intern(t->types, &type);
}

static bool word_at(struct clib *c, vaddr at, unsigned index, uint64_t *value)
{
	return view_read_word(&c->view, at + index * c->word, value, c->word);
}

static bool used_block(const struct clib *c, uint64_t v, struct block *b)
{
	return heap_span(c->t->heap, v) && heap_find(c->t->heap, v, b) && b->addr == v &&
	       b->state == BLOCK_USED;
}

/* ---- streams ---- */

static bool is_file(struct clib *c, vaddr at)
{
	unsigned vtable_at = c->word == 8 ? 27 : 37;
	uint64_t flags, vtable, lock;

	if (!word_at(c, at, 0, &flags) || ((uint32_t)flags & 0xffff0000u) != FILE_MAGIC ||
	    !word_at(c, at, vtable_at, &vtable) || vtable % c->word)
		return false;
	if (c->libc)
		return vtable >= c->libc->start && vtable < c->libc->end;
	return module_at(c->t->modules, vtable) && word_at(c, at, c->word == 8 ? 17 : 18, &lock) &&
	       core_segment(c->t->core, lock);
}

static void put_buffer(struct clib *c, vaddr file)
{
	uint64_t start, end;
	struct block b;

	if (word_at(c, file, FILE_BUFFER, &start) && word_at(c, file, FILE_BUFFER + 1, &end) &&
	    end > start && used_block(c, start, &b) && end - start <= b.size)
		types_put(c->t->types, b.id, c->buffer);
}

/* stdin, stdout and stderr stand in libc's data. */
static void look_standard_files(struct clib *c)
{
	if (!c->libc || c->libc->data_end - c->libc->data_start > (UINT64_C(1) << 24))
		return;
	for (vaddr at = round_up(c->libc->data_start, 16); at < c->libc->data_end; at += 16)
		if (is_file(c, at))
			put_buffer(c, at);
}

/* ---- structs that are known by what is in them ---- */

/* int fd; lock; size_t allocation, size, offset; off_t filepos; int errcode; data, aligned to 16 */
static bool is_dir(struct clib *c, const struct block *b)
{
	uint64_t head, allocation, size, offset, data = c->word == 8 ? 48 : 32;

	if (b->size < data + 1024 || !word_at(c, b->addr, 0, &head) || (uint32_t)head >= 1 << 20)
		return false;
	if (!word_at(c, b->addr, c->word == 8 ? 1 : 2, &allocation) ||
	    !word_at(c, b->addr, c->word == 8 ? 2 : 3, &size) ||
	    !word_at(c, b->addr, c->word == 8 ? 3 : 4, &offset))
		return false;
	return allocation >= 1024 && allocation <= DIR_BUFFER_MAX && size <= allocation &&
	       offset <= size && typing_fits(c->t, b, data + allocation);
}

static bool is_addrinfo(struct clib *c, const struct block *b)
{
	bool wide = c->word == 8;
	uint64_t address, next, bytes, family;
	struct block other;

	/* ai_flags and ai_family, of 4 bytes each, come first: few blocks have those there */
	if (b->size < (wide ? 64 : 48) || !word_at(c, b->addr, wide ? 0 : 1, &family))
		return false;
	family >>= wide ? 32 : 0;
	if ((family != 2 && family != 10) || !word_at(c, b->addr, wide ? 3 : 5, &address) ||
	    address != b->addr + (wide ? 48 : 32) || !word_at(c, b->addr, wide ? 2 : 4, &bytes) ||
	    !word_at(c, b->addr, wide ? 5 : 7, &next))
		return false;
	bytes &= UINT32_MAX;
	return bytes == (family == 2 ? 16 : 28) && (!next || used_block(c, next, &other));
}

/* const char *name; const char *filedata; off_t filesize; ... */
static bool is_locale(struct clib *c, const struct block *b)
{
	const struct filemap *file;
	uint64_t data, size;

	if (b->size < 8 * c->word || !word_at(c, b->addr, 1, &data) ||
	    !word_at(c, b->addr, 2, &size) || !size || size > (UINT64_C(1) << 28))
		return false;
	file = core_file(c->t->core, data);
	return file && !file->anonymous && strstr(file->path, "/locale/") &&
	       file->end - data >= size;
}

/* l_addr, l_name, l_ld, l_next, l_prev, l_real: the last is the struct itself. */
static bool is_link_map(struct clib *c, const struct block *b)
{
	const struct module *m;
	uint64_t self, bias, dynamic;

	if (b->size < 64 * c->word || !word_at(c, b->addr, 5, &self) || self != b->addr ||
	    !word_at(c, b->addr, 0, &bias) || !word_at(c, b->addr, 2, &dynamic))
		return false;
	m = module_at(c->t->modules, dynamic);
	return m && m->bias == bias;
}

static void look_block(void *of, const struct block *b)
{
	struct clib *c = of;

	if (b->size >= 28 * c->word && is_file(c, b->addr)) {
		types_put(c->t->types, b->id, c->file);
		put_buffer(c, b->addr);
	} else if (is_addrinfo(c, b)) {
		types_put(c->t->types, b->id, c->addrinfo);
	} else if (is_dir(c, b)) {
		types_put(c->t->types, b->id, c->dir);
	} else if (is_link_map(c, b)) {
		types_put(c->t->types, b->id, c->map);
	} else if (is_locale(c, b)) {
		types_put(c->t->types, b->id, c->locale);
	}
}

/* ---- threads ---- */

/* Entry i: a pointer to module i's variables, and to what was allocated for them. */
static void look_dtv(struct clib *c, vaddr dtv)
{
	uint64_t entry = 2 * (uint64_t)c->word, slots, block;
	struct block b;

	if (!used_block(c, dtv - entry, &b) || !word_at(c, dtv - entry, 0, &slots) ||
	    slots > MODULES_MAX || b.size < (slots + 2) * entry)
		return;
	types_put(c->t->types, b.id, label(c->t, "dtv (a thread's table of TLS)", 0.99));
	for (uint64_t i = 1; i <= slots; i++)
		if (word_at(c, dtv + i * entry, 1, &block) && used_block(c, block, &b))
			types_put(c->t->types, b.id, label(c->t, "thread-local variables", 0.99));
}

/* Second level of pthread_setspecific: 32 pairs of a sequence number and a value. */
static void look_specific(struct clib *c, vaddr pthread)
{
	uint64_t value, bytes = 64 * (uint64_t)c->word;
	struct block b;

	for (unsigned i = 0; i < PTHREAD_BYTES / c->word; i++) {
		bool pairs = true;

		if (!word_at(c, pthread, i, &value) || !used_block(c, value, &b) ||
		    !typing_fits(c->t, &b, bytes))
			continue;
		for (unsigned k = 0; k < 32 && pairs; k++) {
			uint64_t sequence, data;

			pairs = word_at(c, b.addr, 2 * k, &sequence) &&
			        word_at(c, b.addr, 2 * k + 1, &data) && sequence < 1 << 20 &&
			        (sequence % 2 || !data);
		}
		if (pairs)
			types_put(c->t->types, b.id,
			          label(c->t, "thread-specific data (pthread_setspecific)", 0.95));
	}
}

static void look_threads(struct clib *c)
{
	const struct core *core = c->t->core;
	unsigned dtv_at = core->machine->tls_above ? 0 : 1;
	uint64_t dtv;

	for (size_t i = 0; i < core->nthreads; i++) {
		vaddr tp = c->t->heap->tp[i];

		if (tp && word_at(c, tp, dtv_at, &dtv))
			look_dtv(c, dtv);
		if (c->t->heap->pthread[i])
			look_specific(c, c->t->heap->pthread[i]);
	}
}

static void *begin(struct typing *t)
{
	struct clib *c = mem_alloc(1, sizeof(*c));

	*c = (struct clib){ .t = t, .view = { .core = t->core }, .word = t->core->machine->word };
	modules_libc(t->core, t->modules, &c->libc);
	c->file = label(t, "FILE", 0.99);
	c->buffer = label(t, "FILE buffer", 0.99);
	c->dir = label(t, "DIR", 0.98);
	c->addrinfo = label(t, "struct addrinfo", 0.99);
	c->map = label(t, "struct link_map", 0.99);
	c->locale = label(t, "locale data", 0.97);
	if (t->heap->nspans) {
		look_standard_files(c);
		look_threads(c);
	}
	return c;
}

const struct typing_each typing_clib = { begin, look_block, mem_free };
