/*
 * A C program that says what each of its blocks is: lists, trees, tables, arrays, flexible arrays,
 * lists whose links lie in the middle, things that begin with a common header; and traps, where the
 * type of a pointer is not that of the block. The truth goes to the file named first, a line a
 * block: "address<TAB>type". Then it aborts.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "typed.h"

static FILE *truth;

void *made(void *p, const char *what)
{
	if (!p)
		abort();
	fprintf(truth, "%p\t%s\n", p, what);
	return p;
}

#define NEW(type)     ((type *)made(calloc(1, sizeof(type)), #type))
#define MANY(type, n) ((type *)made(calloc(n, sizeof(type)), #type "[]"))

/* ---- plain: a list, a tree, a table ---- */

struct session {
	struct session *next, *prev;
	unsigned id : 20, live : 1;
	char *name;
	struct { int fd; struct buffer *in, *out; } io;
	bool closed;
};
struct buffer {
	size_t used, size;
	char *bytes;
};
struct tree {
	struct tree *left, *right;
	long key;
	const struct item *volatile item;
};
struct item {
	double weight;
	int tag;
	struct item **peers; /* array of pointers */
	int *counts;
	short flags[4];
};
typedef struct { /* without a name of its own */
	struct slot { const char *key; struct item *value; uint32_t hash; } *slots;
	size_t size, used;
} table;

struct session *sessions;
struct tree *root;
table *g_table;
struct { int generation; struct { struct session *first, *last; } lists[3]; } g_state;

static char *text(int i)
{
	char buf[64];
	int n = snprintf(buf, sizeof(buf), "name-%d-%.*s", i, i % 40,
	                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	char *s = made(malloc((size_t)n + 1), "char[]");

	memcpy(s, buf, (size_t)n + 1);
	return s;
}

static struct buffer *new_buffer(int i)
{
	struct buffer *b = NEW(struct buffer);

	b->size = (size_t)(100 + i);
	b->bytes = made(malloc(b->size), "char[]");
	memset(b->bytes, 'b', b->size);
	return b;
}

static void make_sessions(int n)
{
	for (int i = 0; i < n; i++) {
		struct session *s = NEW(struct session);

		s->id = (unsigned)i;
		s->name = text(i);
		s->io.in = new_buffer(i % 7);
		s->io.out = i % 3 ? new_buffer(i % 5) : NULL;
		s->next = sessions;
		if (sessions)
			sessions->prev = s;
		sessions = s;
	}
	g_state.lists[1].first = sessions;
}

static struct item *new_item(int i)
{
	struct item *it = NEW(struct item);

	it->weight = i * 1.5;
	it->tag = i;
	if (i % 4 == 0) {
		it->counts = MANY(int, 10 + i % 20);
		it->counts[1] = i;
	}
	return it;
}

static struct tree *plant(int depth, int *n)
{
	struct tree *t;

	if (!depth)
		return NULL;
	t = NEW(struct tree);
	t->key = (*n)++;
	t->item = new_item(*n);
	t->left = plant(depth - 1, n);
	t->right = plant(depth - 1, n);
	return t;
}

static void make_table(int n)
{
	g_table = NEW(table);
	g_table->size = (size_t)n;
	g_table->slots = MANY(struct slot, n);
	for (int i = 0; i < n; i += 2) {
		g_table->slots[i].key = text(i);
		g_table->slots[i].value = new_item(i);
		g_table->slots[i].value->peers = MANY(struct item *, 5);
		g_table->slots[i].value->peers[2] = new_item(i + 1);
	}
}

/* ---- flexible arrays, by both spellings; a header with text behind it ---- */

struct vec { int n; struct item *v[]; };
struct old { int n; struct item *v[1]; };
struct head { struct head *next; size_t len; }; /* bytes follow */

struct vec *g_vec[50];
struct old *g_old[50];
struct head *g_heads;

static void make_flexible(void)
{
	for (int i = 0; i < 50; i++) {
		g_vec[i] = made(calloc(1, sizeof(struct vec) + (size_t)(i + 1) * 8), "struct vec");
		g_vec[i]->v[i] = new_item(i);
		g_old[i] = made(calloc(1, sizeof(struct old) + (size_t)(i + 3) * 8), "struct old");
		g_old[i]->v[i + 1] = new_item(i);
	}
	for (int i = 0; i < 90; i++) {
		struct head *h = made(malloc(sizeof(*h) + (size_t)(i * 3 + 1)), "struct head");

		h->len = (size_t)(i * 3 + 1);
		memset(h + 1, 'h', h->len);
		h->next = g_heads;
		g_heads = h;
	}
}

/* ---- links in the middle, as the kernel's list_head ---- */

struct link { struct link *next, *prev; };
struct job { int number; void *payload; struct link link; struct session *owner; char pad[40]; };
struct timer { long when; long period; long slack; struct link link; void (*fire)(void); };

struct link g_jobs = { &g_jobs, &g_jobs }, g_timers = { &g_timers, &g_timers };

static void append(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

static void make_links(int n)
{
	for (int i = 0; i < n; i++) {
		struct job *j = NEW(struct job);
		struct timer *t = NEW(struct timer);

		j->number = i;
		j->payload = text(i); /* void *: not told by its type */
		j->owner = sessions;
		append(&g_jobs, &j->link);
		t->when = i;
		append(&g_timers, &t->link);
	}
}

/* ---- a header that all kinds begin with, and no kind has as a member ---- */

#define HEADER struct object *next; uint8_t kind, mark
struct object { HEADER; };
struct number { HEADER; double value; };
struct string { HEADER; uint32_t hash; size_t len; char *data; };
struct closure { HEADER; void (*code)(void); struct object *up[3]; };
struct cell { HEADER; }; /* as big as the header itself */

struct object *all_objects;

static void make_objects(int n)
{
	for (int i = 0; i < n; i++) {
		struct object *o;

		switch (i % 4) {
		case 0: o = (struct object *)NEW(struct number); break;
		case 1: o = (struct object *)NEW(struct string); break;
		case 2: o = (struct object *)NEW(struct closure); break;
		default: o = (struct object *)NEW(struct cell); break;
		}
		o->kind = (uint8_t)(i % 4);
		o->next = all_objects;
		all_objects = o;
	}
}

/* ---- base as first member; union; a vector with leftovers; pointers to the middle ---- */

struct base { int refs; struct base *parent; };
struct window { struct base base; int x, y, w, h; struct window *child; };
struct button { struct base base; char label[32]; struct item *item; int state; };
struct either { int kind; union { struct session *session; struct item *item; long n; } u; };

struct base *g_bases[60];
struct either *g_eithers[40];
struct item **g_vector;
struct slot *g_slots;

static void make_others(void)
{
	struct item **stale;

	for (int i = 0; i < 60; i++) {
		g_bases[i] = i % 2 ? &NEW(struct window)->base : &NEW(struct button)->base;
		g_bases[i]->parent = i > 1 ? g_bases[i - 2] : NULL;
	}
	for (int i = 0; i < 40; i++) {
		g_eithers[i] = NEW(struct either);
		g_eithers[i]->kind = i % 2;
		if (i % 2)
			g_eithers[i]->u.session = NEW(struct session);
		else
			g_eithers[i]->u.item = new_item(i);
	}
	/* memory that held pointers to something else */
	stale = malloc(64 * sizeof(*stale));
	for (int i = 0; i < 64; i++)
		stale[i] = i >= 20 ? (struct item *)sessions : NULL;
	free(stale);
	g_vector = made(malloc(64 * sizeof(*g_vector)), "struct item *[]");
	for (int i = 0; i < 20; i++)
		g_vector[i] = new_item(i);
	g_slots = MANY(struct slot, 33);
	g_slots[7].value = new_item(7);
}

/* ---- behind a header of the program's own allocator: its length, with a mark or without ---- */

struct ware { struct ware *next; struct item *item; long price; char *label; bool sold; };
struct shelf { struct ware *first; struct shelf *next; int n; };

struct shelf *g_shelves;
struct slot *g_marked;

static void *counted(size_t n, int words, const char *what)
{
	size_t *p = made(calloc(1, n + words * sizeof(*p)), what);

	p[0] = words > 1 ? 0x6b72616d : n;
	p[words - 1] = n;
	return p + words;
}

static void make_wares(int n)
{
	for (int i = 0; i < n; i++) {
		struct shelf *s = counted(sizeof(*s), 1 + i % 2, "struct shelf");

		s->next = g_shelves;
		g_shelves = s;
		for (int k = 0; k < 5; k++) {
			struct ware *w = counted(sizeof(*w), 1 + i % 2, "struct ware");

			w->next = s->first;
			w->item = k ? NULL : new_item(i);
			s->first = w;
		}
	}
	g_marked = counted(12 * sizeof(*g_marked), 2, "struct slot[]");
	for (int i = 0; i < 12; i++)
		g_marked[i].value = new_item(i);
}

/* ---- all that a program has in one struct, one pointer of which is cast ---- */

struct peer { struct peer *next; char *host; long port; };
struct peer_named { struct peer *next; char *host; long port; char domain[60]; };
struct daemon {
	struct peer_named *peers; /* those without a domain are cut off */
	struct peer_named *named;
	struct item *first, *last, *middle, *spare[8];
	struct shelf *shelves;
	long counters[30];
};

struct daemon *g_daemon;

static void make_daemon(void)
{
	g_daemon = NEW(struct daemon);
	for (int i = 0; i < 10; i++) {
		struct peer *p = NEW(struct peer);
		struct peer_named *q = NEW(struct peer_named);

		p->next = (struct peer *)g_daemon->peers;
		g_daemon->peers = (struct peer_named *)p;
		q->next = (struct peer *)g_daemon->named;
		g_daemon->named = q;
	}
	g_daemon->first = new_item(1);
	g_daemon->last = new_item(2);
	g_daemon->middle = new_item(3);
	for (int i = 0; i < 8; i++)
		g_daemon->spare[i] = new_item(i);
}

/*
 * Objects of a program with classes of its own: what points to them knows only what all begin with,
 * one pointer, and what comes next are pointers, too.
 */
struct kind { const char *name; void (*drop)(void *); };
struct entity { const struct kind *kind; };
struct owner { struct entity super; struct item *first; char *name; };
struct process {
	struct entity super;
	struct owner *owner;
	struct item *item;
	int pid, parent;
	char *command;
	double share;
	long times[20];
};
static struct kind kinds[] = { { "owner", NULL }, { "process", NULL } };
struct entity *g_entities[60];

static void make_processes(void)
{
	struct owner *owner = NEW(struct owner);

	owner->super.kind = &kinds[0];
	owner->first = new_item(1);
	g_entities[0] = &owner->super;
	for (int i = 1; i < 60; i++) {
		struct process *p = NEW(struct process);

		p->super.kind = &kinds[1];
		p->owner = owner;
		p->item = owner->first;
		p->pid = 1000 + i;
		p->parent = i;
		p->share = i / 7.0;
		g_entities[i] = &p->super;
	}
}

/* ---- what threads and functions hold ---- */

static __thread struct session *tls_session;
struct local { struct local *next; long a[5]; };
static pthread_barrier_t barrier;

static void *thread(void *arg)
{
	struct local *mine = NULL;

	(void)arg;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (;;)
		pause_with(&mine);
	return NULL;
}

int main(int argc, char **argv)
{
	struct local *list = NULL;
	struct opaque *other;
	pthread_t id;
	int n = 0;

	if (argc < 2 || !(truth = fopen(argv[1], "w")))
		return 2;
	make_sessions(200);
	root = plant(7, &n);
	make_table(100);
	make_flexible();
	make_links(80);
	make_objects(200);
	make_others();
	make_wares(30);
	make_daemon();
	make_processes();
	other = opaque_new(20);
	tls_session = NEW(struct session);
	for (int i = 0; i < 30; i++) {
		struct local *l = NEW(struct local);

		l->next = list;
		list = l;
	}
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&id, NULL, thread, NULL);
	pthread_barrier_wait(&barrier);
	fclose(truth);
	finish(&list, other);
	return 0;
}
