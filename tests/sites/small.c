/*
 * small: a program in C with some twenty places that ask for memory, several of them for blocks of
 * one size. It builds an index of documents, loses part of it, and aborts.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct list {
	struct list *next, *prev;
};

struct document {
	struct list link;
	char *title, *author;
	uint32_t id, flags;
	struct word **words;
	size_t nwords;
};

struct word {
	struct word *chain;
	char *text;
	uint32_t hash, uses;
};

struct posting {
	struct document *in;
	uint32_t at, weight;
	struct posting *next;
};

struct tree {
	struct tree *left, *right;
	uint64_t key;
};

struct buffer {
	char *data;
	size_t used, size;
	int fd;
};

struct timer {
	void (*fire)(void *);
	void *data;
	uint64_t due;
	struct timer *next;
	int repeat;
};

struct cache_entry {
	uint64_t key;
	double score;
	void *value;
	time_t loaded;
};

struct config {
	char *name, *value;
	struct config *next;
};

struct query {
	struct word *terms[4];
	unsigned nterms, limit;
	int (*rank)(const struct posting *);
};

struct matrix {
	unsigned rows, columns;
	double *cell;
};

struct event {
	int kind, priority;
	struct document *about;
	uint64_t serial;
};

static struct list documents = { &documents, &documents };
static struct word *table[256];
static struct posting *postings;
static struct tree *root;
static struct timer *timers;
static struct config *configs;
static struct cache_entry **cache;
static size_t ncache;
static struct buffer *buffers[64];
static struct matrix *matrices[32];
static struct event **queue;
static size_t queued, queue_size;
static struct query *last;
static void *kept[8192];
static size_t nkept;
static unsigned seed = 7;

static unsigned roll(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

#ifdef __clang__ /* its lines do not tell the copies apart where it inlines this */
__attribute__((noinline))
#endif
static void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p) {
		fputs("no memory\n", stderr);
		abort();
	}
	return p;
}

static void flush(void *data)
{
	struct buffer *b = data;

	b->used = 0;
}

static void age(void *data)
{
	struct cache_entry *e = data;

	e->score *= 0.5;
}

static int by_weight(const struct posting *p)
{
	return (int)p->weight;
}

static int by_place(const struct posting *p)
{
	return -(int)p->at;
}

static const char *name(const char *what)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s-%u", what, roll(100000));
	return text;
}

static struct word *intern(const char *text)
{
	uint32_t hash = 5381;
	struct word *w;

	for (const char *c = text; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (w = table[hash % 256]; w; w = w->chain)
		if (w->hash == hash && !strcmp(w->text, text))
			break;
	if (!w) {
		w = xmalloc(sizeof(*w));
		w->text = strdup(text);
		w->hash = hash;
		w->uses = 0;
		w->chain = table[hash % 256];
		table[hash % 256] = w;
	}
	w->uses++;
	return w;
}

static void add_posting(struct document *in, uint32_t at)
{
	struct posting *p = malloc(sizeof(*p));

	p->in = in;
	p->at = at;
	p->weight = 1 + roll(9);
	p->next = postings;
	postings = p;
}

static struct document *add_document(uint32_t id)
{
	struct document *d = calloc(1, sizeof(*d));

	d->id = id;
	d->title = strdup(name("a rather long title"));
	if (asprintf(&d->author, "author %u of %u", roll(50), id) < 0)
		d->author = NULL;
	d->flags = 0x40;
	d->nwords = 3 + roll(12);
	d->words = malloc(d->nwords * sizeof(*d->words));
	for (size_t i = 0; i < d->nwords; i++) {
		d->words[i] = intern(name("w"));
		add_posting(d, (uint32_t)i);
	}
	d->link.next = &documents;
	d->link.prev = documents.prev;
	documents.prev->next = &d->link;
	documents.prev = &d->link;
	return d;
}

static void insert(uint64_t key)
{
	struct tree **at = &root, *t;

	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	t = xmalloc(sizeof(*t));
	t->left = t->right = NULL;
	t->key = key;
	*at = t;
}

static struct buffer *open_buffer(size_t size)
{
	struct buffer *b = malloc(sizeof(*b));

	b->data = malloc(size);
	memset(b->data, 'x', size / 2);
	b->used = 0;
	b->size = size;
	b->fd = -1;
	return b;
}

static void grow_buffer(struct buffer *b)
{
	b->size *= 2;
	b->data = realloc(b->data, b->size + 16);
}

static void start_timer(void (*fire)(void *), void *data, int repeat)
{
	struct timer *t = malloc(sizeof(*t));

	t->fire = fire;
	t->data = data;
	t->due = 1700000000000u + roll(1u << 20);
	t->repeat = repeat;
	t->next = timers;
	timers = t;
}

static void add_cache(void)
{
	struct cache_entry *e = xmalloc(sizeof(*e));

	e->key = (uint64_t)roll(1u << 20) << 32 | roll(1u << 20);
	e->score = 1.0;
	e->value = xmalloc(64 + roll(400));
	e->loaded = time(NULL);
	cache = reallocarray(cache, ncache + 1, sizeof(*cache));
	cache[ncache++] = e;
	if (roll(3) == 0)
		start_timer(age, e, 1);
}

static void set_config(const char *what, const char *value)
{
	struct config *c = xmalloc(sizeof(*c));

	c->name = strdup(what);
	c->value = xmalloc(strlen(value) + 1);
	strcpy(c->value, value);
	c->next = configs;
	configs = c;
}

static struct query *ask(void)
{
	struct query *q = calloc(1, sizeof(*q));

	q->nterms = 1 + roll(4);
	for (unsigned i = 0; i < q->nterms; i++)
		q->terms[i] = intern(name("w"));
	q->limit = 100;
	q->rank = roll(2) ? by_weight : by_place;
	return q;
}

static struct matrix *new_matrix(unsigned rows, unsigned columns)
{
	struct matrix *m = malloc(sizeof(*m));

	m->rows = rows;
	m->columns = columns;
	m->cell = calloc((size_t)rows * columns, sizeof(*m->cell));
	for (unsigned i = 0; i < rows; i++)
		m->cell[i * columns] = 0.25 * i;
	return m;
}

static void post(int kind, struct document *about)
{
	static uint64_t serial;
	struct event *e;

	if (queued == queue_size) {
		queue_size = queue_size ? queue_size * 2 : 8;
		queue = realloc(queue, queue_size * sizeof(*queue));
	}
	e = malloc(sizeof(*e));
	e->kind = kind;
	e->priority = kind == 2 ? 7 : 1;
	e->about = about;
	e->serial = ++serial;
	queue[queued++] = e;
}

static void keep(void *p)
{
	if (nkept < sizeof(kept) / sizeof(*kept))
		kept[nkept++] = p;
}

static void lose(void)
{
	struct posting *p = postings;

	for (int i = 0; p && i < 300; i++)
		p = p->next;
	postings = p;
	for (size_t i = 0; i < queued; i += 3)
		queue[i] = NULL;
	root->left = NULL;
	for (size_t i = 0; i < ncache; i += 4)
		cache[i] = NULL;
}

int main(void)
{
	for (uint32_t i = 0; i < 150; i++) {
		struct document *d = add_document(i);

		post(roll(3), d);
		if (roll(2))
			post(2, d);
	}
	for (int i = 0; i < 600; i++)
		insert((uint64_t)roll(1u << 24));
	for (int i = 0; i < 48; i++) {
		buffers[i] = open_buffer(100 + roll(1000));
		start_timer(flush, buffers[i], 0);
		if (roll(2))
			grow_buffer(buffers[i]);
	}
	for (int i = 0; i < 200; i++)
		add_cache();
	for (int i = 0; i < 120; i++)
		set_config(name("option"), name("some value or other"));
	for (int i = 0; i < 150; i++)
		keep(last = ask());
	for (int i = 0; i < 32; i++)
		matrices[i] = new_matrix(2 + roll(6), 2 + roll(6));
	lose();
	abort();
}
