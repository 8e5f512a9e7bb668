/*
 * A segment holds what one thread wrote of one group: the place of the group's segment before it
 * (0: none), the number of bytes, and for each block that has edges how many granules it starts
 * behind the one before, the number of bytes of its edges, and those: differences of granules from
 * the block's, in as few bytes as each needs.
 */
#include "analyzer/reach/edgelog.h"
#include "formats/store.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE    1024                 /* cells: so many have the first of their spans in a table */
#define BODY     (UINT64_C(64) << 10) /* bytes of a segment, at most */
#define BUFFER   (UINT64_C(256) << 10)
#define LONGEST  11 /* bytes of an edge, at most */
#define GIVEN_UP UINT64_MAX

struct segment_head {
	uint64_t before; /* place in the file, 0: none */
	uint32_t bytes, group;
};

struct edgelog {
	size_t ncells, ngroups;
	uint64_t *segment; /* by group: the last one's place in the file; GIVEN_UP */
	pthread_mutex_t lock;
	struct store store;
	uint64_t most;
	bool full;
	const struct heap *heap;
	uint32_t *first; /* by PIECE: the first span with cells there */
	uint8_t *map;
	uint64_t size;
	int fd;
};

struct pen {
	struct edgelog *log;
	uint8_t *buffer;
	size_t n;    /* bytes of whole segments */
	size_t body; /* of the segment that is being written, behind its head; 0: none is */
	size_t group;
	uint64_t granule; /* of the last block, from the group's first */
	bool given_up;
};

struct edgelog *edgelog_open(const struct heap *heap, uint64_t most)
{
	struct edgelog *log = mem_alloc(1, sizeof(*log));
	static const uint8_t zero[sizeof(struct segment_head)] = { 1 };

	log->fd = -1;
	log->ncells = heap->ncells;
	log->ngroups = heap->ncells / LOG_GROUP + 1;
	log->most = most ? most : heap->ncells * 64 * heap->align / 8;
	pthread_mutex_init(&log->lock, NULL);
	if (!store_open(&log->store, 0, NULL) || log->store.in_memory ||
	    !store_write(&log->store, zero, sizeof(zero), NULL)) { /* no segment is at 0 */
		edgelog_close(log);
		return NULL;
	}
	log->segment = mem_lazy(log->ngroups * sizeof(*log->segment));
	return log;
}

void edgelog_close(struct edgelog *log)
{
	if (!log)
		return;
	if (log->map)
		munmap(log->map, log->size);
	if (log->fd >= 0)
		close(log->fd);
	store_close(&log->store);
	pthread_mutex_destroy(&log->lock);
	mem_lazy_free(log->segment, log->ngroups * sizeof(*log->segment));
	mem_free(log->first);
	mem_free(log);
}

/* ---- writing ---- */

struct pen *pen_new(struct edgelog *log)
{
	struct pen *pen = mem_alloc(1, sizeof(*pen));

	pen->log = log;
	pen->group = SIZE_MAX;
	pen->buffer = mem_lazy(BUFFER);
	return pen;
}

static void give_up(struct edgelog *log, size_t group)
{
	__atomic_store_n(&log->segment[group], GIVEN_UP, __ATOMIC_RELAXED);
}

/* The segments of the buffer go to this place. */
static void link_segments(struct pen *pen, uint64_t place)
{
	for (size_t at = 0; at < pen->n;) {
		struct segment_head head;
		uint64_t *segment;

		memcpy(&head, pen->buffer + at, sizeof(head));
		segment = &pen->log->segment[head.group];
		head.before = __atomic_load_n(segment, __ATOMIC_RELAXED);
		while (head.before != GIVEN_UP &&
		       !__atomic_compare_exchange_n(segment, &head.before, place + at, true,
		                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
		memcpy(pen->buffer + at, &head, sizeof(head));
		at += sizeof(head) + round_up(head.bytes, 8);
	}
}

static void give_up_segments(struct pen *pen)
{
	for (size_t at = 0; at < pen->n;) {
		struct segment_head head;

		memcpy(&head, pen->buffer + at, sizeof(head));
		give_up(pen->log, head.group);
		at += sizeof(head) + round_up(head.bytes, 8);
	}
}

static void flush(struct pen *pen)
{
	struct edgelog *log = pen->log;

	if (!pen->n)
		return;
	pthread_mutex_lock(&log->lock);
	if (log->full || pen->n > log->most || log->store.size > log->most - pen->n) {
		log->full = true;
	} else {
		link_segments(pen, log->store.size);
		log->full = !store_write(&log->store, pen->buffer, pen->n, NULL);
	}
	if (log->full)
		give_up_segments(pen);
	pthread_mutex_unlock(&log->lock);
	pen->n = 0;
}

/* The segment that is being written is whole. */
static void end_segment(struct pen *pen)
{
	struct segment_head head = { .bytes = (uint32_t)pen->body, .group = (uint32_t)pen->group };

	if (pen->given_up)
		give_up(pen->log, pen->group);
	else if (pen->body) {
		memcpy(pen->buffer + pen->n, &head, sizeof(head));
		pen->n += sizeof(head) + round_up(pen->body, 8);
	}
	pen->body = 0;
	pen->granule = 0;
	pen->given_up = false;
	if (BUFFER - pen->n < BODY + sizeof(head) + 8)
		flush(pen);
}

void pen_free(struct pen *pen)
{
	if (!pen)
		return;
	end_segment(pen);
	flush(pen);
	mem_lazy_free(pen->buffer, BUFFER);
	mem_free(pen);
}

static void turn_to(struct pen *pen, size_t cell)
{
	if (cell / LOG_GROUP == pen->group)
		return;
	end_segment(pen);
	pen->group = cell / LOG_GROUP;
}

static uint8_t *put_number(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_edge(uint8_t *p, uint64_t granule, edge e)
{
	uint64_t d = edge_granule(e) - granule;

	d = d << 1 ^ -(d >> 63); /* small where it is near, in front or behind */
	p = put_number(p, d << 1 | ((e & 15) != 0));
	if (e & 15)
		*p++ = (uint8_t)(e & 15);
	return p;
}

void pen_give_up(struct pen *pen, size_t cell)
{
	turn_to(pen, cell);
	pen->given_up = true;
}

void pen_block(struct pen *pen, size_t cell, unsigned bit, const edge *edges, size_t n)
{
	uint64_t granule = (uint64_t)cell << 6 | bit, in;
	uint8_t *p, *length;

	turn_to(pen, cell);
	if (pen->given_up || !n)
		return;
	if (n > BODY / LONGEST || BODY - pen->body < n * LONGEST + 16) {
		pen->given_up = true;
		return;
	}
	in = granule % (LOG_GROUP * 64);
	p = pen->buffer + pen->n + sizeof(struct segment_head) + pen->body;
	p = put_number(p, in - pen->granule);
	pen->granule = in;
	length = p;
	p += 3;
	for (size_t i = 0; i < n; i++)
		p = put_edge(p, granule, edges[i]);
	in = (uint64_t)(p - length) - 3;
	for (int i = 0; i < 3; i++)
		length[i] = (uint8_t)(in >> 7 * i & 0x7f);
	pen->body = (size_t)(p - pen->buffer) - pen->n - sizeof(struct segment_head);
}

/* ---- reading ---- */

static void find_spans(struct edgelog *log, const struct heap *heap)
{
	size_t n = log->ncells / PIECE + 1, at = 0;

	log->first = mem_alloc(n, sizeof(*log->first));
	for (size_t i = 0; i < n && heap->nspans; i++) {
		while (at + 1 < heap->nspans && heap->span[at + 1].first_cell <= i * PIECE)
			at++;
		log->first[i] = (uint32_t)at;
	}
}

bool edgelog_read(struct edgelog *log, const struct heap *heap)
{
	struct err err;
	void *map;

	log->size = log->store.size;
	if (!store_finish(&log->store, &log->fd, &err))
		return false;
	map = mmap(NULL, log->size, PROT_READ, MAP_SHARED, log->fd, 0);
	if (map == MAP_FAILED)
		return false;
	log->map = map;
	log->heap = heap;
	find_spans(log, heap);
	return true;
}

bool edgelog_has(const struct edgelog *log, size_t cell)
{
	return log->segment[cell / LOG_GROUP] != GIVEN_UP;
}

/* The cursor goes to its next segment. */
static bool next_segment(struct edgelog_cursor *c)
{
	struct segment_head head;

	if (!c->next || !range_holds(0, c->log->size, c->next, sizeof(head)))
		return false;
	memcpy(&head, c->log->map + c->next, sizeof(head));
	c->at = c->log->map + c->next + sizeof(head);
	if (head.bytes > c->log->size - c->next - sizeof(head))
		return false;
	c->end = c->at + head.bytes;
	c->next = head.before < c->next ? head.before : 0; /* it was written before */
	c->granule = (uint64_t)c->group * LOG_GROUP * 64;
	return true;
}

void edgelog_start(const struct edgelog *log, size_t cell, struct edgelog_cursor *c)
{
	size_t group = cell / LOG_GROUP;

	*c = (struct edgelog_cursor){ .log = log, .group = group, .next = log->segment[group] };
}

static inline const uint8_t *get_number(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t n = 0;

	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		uint8_t b = *p++;

		n |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	*v = n;
	return p;
}

bool edgelog_next(struct edgelog_cursor *c)
{
	uint64_t step, length;

	if (c->stop)
		c->at = c->stop;
	while (c->end - c->at < 4) {
		c->stop = NULL;
		if (!next_segment(c))
			return false;
	}
	c->at = get_number(c->at, c->end - 3, &step);
	length = c->at[0] | (uint64_t)c->at[1] << 7 | (uint64_t)c->at[2] << 14;
	c->at += 3;
	c->granule += step;
	c->stop = length < (uint64_t)(c->end - c->at) ? c->at + length : c->end;
	return true;
}

bool edgelog_edge(struct edgelog_cursor *c, edge *out)
{
	uint64_t d;

	if (c->at >= c->stop)
		return false;
	c->at = get_number(c->at, c->stop, &d);
	*out = (c->granule + (d >> 2 ^ -(d >> 1 & 1))) << 4;
	if (d & 1 && c->at < c->stop)
		*out |= *c->at++ & 15;
	return true;
}

vaddr edgelog_word(const struct edgelog *log, edge e)
{
	const struct heap *h = log->heap;
	size_t cell = edge_granule(e) >> 6, i = log->first[cell / PIECE];

	while (i + 1 < h->nspans && h->span[i + 1].first_cell <= cell)
		i++;
	return cell_chunk(&h->span[i], cell - h->span[i].first_cell, edge_granule(e) & 63) +
	       CHUNK_HEADER + (e & 15);
}
