/*
 * refmark: the reference marker. Slow, plain, and independent of the program under test: it takes
 * the live blocks from the recorder's table inside the core, the roots from the words of the
 * command's contract, and says of each block how it is reached.
 *
 *	refmark CORE [--why ADDRESS]   address,usable,requested,caller,reach on standard output
 *
 * Roots: the general and vector registers of every thread; each live thread's stack from 128 bytes
 * below its stack pointer to its own end; every other writable mapping that malloc does not own.
 * Never: what malloc owns (its arenas' structures and every region it hands blocks out of, where
 * that is no live block); the unused part of a stack; stacks of threads that have exited.
 *
 * What malloc owns: the program break's range from where it stood before the first block to the end
 * of main_arena's top, or what refmain.c finds where the break could not grow; the heaps of the
 * other arenas (64 MiB aligned, heap_info at their start) as the arenas' list leads to them; each
 * mmapped block's mapping, by its chunk header.
 */
#include "refmark.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_MAX (core.width == 8 ? UINT64_C(64) << 20 : UINT64_C(1) << 20)
#define RED_ZONE 128
struct range {
	uint64_t start, end;
	const char *why;
};

struct ranges {
	struct range *r;
	size_t n, room;
};

struct core core;
struct block *block;
size_t blocks;
static struct ranges owned, excluded, roots;
static uint64_t control; /* address of the recorder's control mapping */
static size_t *later, nlater;

static void add_range(struct ranges *to, uint64_t start, uint64_t end, const char *why)
{
	if (start >= end)
		return;
	if (to->n == to->room) {
		to->room = to->room * 2 + 64;
		to->r = realloc(to->r, to->room * sizeof(*to->r));
		if (to->r == NULL)
			die("out of memory");
	}
	to->r[to->n++] = (struct range){ start, end, why };
}

static bool in_ranges(const struct ranges *in, uint64_t address)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->r[i].start <= address && address < in->r[i].end)
			return true;
	return false;
}

/* ---- the recorder's table: layouts as in recorder.h ---------------------------------------- */

enum field {
	F_TABLE,
	F_CAPACITY,
	F_COUNT,
	F_ARENA,
	F_MINOR,
	F_BRK,
	F_OPS,
	F_DROPPED,
	F_THREADS,
	F_PID,
	F_MAIN_SELF,
	F_MAIN_STACK,
	FIELDS
};

static uint64_t control_field(enum field f)
{
	return ~core_must64(&core, control + 32 + 16 + 8 * (uint64_t)f);
}

static uint64_t thread_field(uint64_t i, int field)
{
	return ~core_must64(&core, control + 32 + 16 + 8 * FIELDS + 24 * i + 8 * (uint64_t)field);
}

static void find_control(void)
{
	static const char open[] = "live blocks: recorder's ", close[] = "table 2";
	char magic[32];

	memcpy(magic, open, sizeof(open));
	memcpy(magic + sizeof(open) - 1, close, sizeof(close));
	for (int i = 0; i < core.loads; i++) {
		const struct load *l = &core.load[i];

		for (uint64_t at = l->start; (l->flags & PF_W) != 0 && at + 4096 <= l->saved_end;
		     at += 4096)
			if (memcmp(l->bytes + (at - l->start), magic, sizeof(magic)) == 0)
				control = at;
	}
	if (control == 0)
		die("the recorder's table is not in this core");
}

static int by_address(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void read_table(void)
{
	uint64_t lock_request = core_must64(&core, control + 32);
	uint64_t held_broken = core_must64(&core, control + 40);
	uint64_t table, capacity, count, word;

	if (held_broken >> 32 != 0)
		die("a limit of the recorder was passed: its table is not the truth");
	if ((uint32_t)lock_request != 0 && (uint32_t)held_broken == 0)
		die("the process was stopped in the middle of an operation");
	table = control_field(F_TABLE);
	capacity = control_field(F_CAPACITY);
	count = control_field(F_COUNT);
	block = grab(count, sizeof(*block));
	for (uint64_t i = 0; i < capacity; i++) {
		struct block b = { 0 };

		/* pages of the table that were never written may be missing: empty */
		if (!core_word64(&core, table + 32 * i, &word) || word == 0)
			continue;
		b.address = ~word;
		b.requested = ~core_must64(&core, table + 32 * i + 8);
		b.usable = ~core_must64(&core, table + 32 * i + 16);
		b.caller = ~core_must64(&core, table + 32 * i + 24);
		if (blocks == count)
			die("more blocks in the recorder's table than it counts");
		block[blocks++] = b;
	}
	if (blocks != count)
		die("%zu blocks in the recorder's table, which counts %" PRIu64, blocks, count);
	qsort(block, blocks, sizeof(*block), by_address);
}

/* The block that a word keeps: its value lies in [address, address + usable). */
size_t kept_by(uint64_t word)
{
	size_t lo = 0, hi = blocks;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (block[mid].address <= word)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NONE;
	return word - block[lo - 1].address < (block[lo - 1].usable != 0 ? block[lo - 1].usable : 1)
	               ? lo - 1
	               : NONE;
}

/* ---- what malloc owns ------------------------------------------------------------------------ */

static void own_heaps(uint64_t arena, uint64_t top, uint64_t info_size)
{
	uint64_t heap = top & ~(HEAP_MAX - 1);

	while (heap != 0) {
		uint64_t size = core_must(&core, heap + 2 * core.width);
		uint64_t writable = core_must(&core, heap + 3 * core.width);

		if (core_must(&core, heap) != arena)
			die("the heap at %#" PRIx64 " is not arena %#" PRIx64 "'s", heap, arena);
		add_range(&owned, heap, heap + (size > writable ? size : writable), "arena");
		if (heap + info_size == arena)
			break;
		heap = core_must(&core, heap + core.width);
	}
}

static void own_region(uint64_t start, uint64_t end)
{
	add_range(&owned, start, end, "main arena");
}

static void own_arenas(void)
{
	uint64_t minor = control_field(F_MINOR), main_arena = control_field(F_ARENA);
	bool new = minor >= 43;
	uint64_t top_at = new ? 0x8 : 0x60, next_at = new ? 0x818 : 0x870;
	uint64_t size = new ? 0x840 : 0x898;
	uint64_t info_size = minor >= 35 ? 0x30 : 0x20, top, arena, brk = control_field(F_BRK);

	if (core.width == 4) { /* libc6-dbg of Debian i386: 2.31, 2.36, 2.41, 2.43 */
		top_at = new ? 0x8 : 0x38;
		next_at = new ? 0x418 : 0x448;
		size = new ? 0x42c : 0x45c;
		info_size = 0x18;
	}

	if (main_arena == 0)
		die("the recorder does not know main_arena");
	top = core_must(&core, main_arena + top_at);
	add_range(&excluded, main_arena, main_arena + size, "main_arena");
	if (main_arena_scattered(main_arena))
		main_arena_regions(main_arena, size, top, brk, own_region);
	else if (top < main_arena || top >= main_arena + size)
		add_range(&owned, brk, top + (core_must(&core, top + core.width) & ~UINT64_C(7)),
		          "brk");
	arena = core_must(&core, main_arena + next_at);
	for (int i = 0; arena != main_arena; i++) {
		if (i == 10000)
			die("the list of arenas does not end");
		own_heaps(arena, core_must(&core, arena + top_at), info_size);
		arena = core_must(&core, arena + next_at);
	}
}

static void own_mmapped(const struct block *b, uint64_t size, bool new)
{
	uint64_t w = core.width, chunk = b->address - 2 * w;
	uint64_t lead = core_must(&core, chunk) & ~UINT64_C(7), extra = new ? 2 * w : 0;

	size &= ~UINT64_C(7);
	if (((lead + size + extra) & 4095) != 0)
		die("the mmapped block %#" PRIx64 " has no whole mapping", b->address);
	add_range(&owned, chunk - lead, chunk + size + extra, "mmap");
	if (b->usable != size - (new ? w : 2 * w))
		die("block %#" PRIx64 ": header and table disagree about its size", b->address);
}

/* Each live block's own header must agree with the table and with the regions found. */
static void own_and_check_blocks(void)
{
	bool new = control_field(F_MINOR) >= 43;

	own_arenas();
	for (size_t i = 0; i < blocks; i++) {
		uint64_t size = core_must(&core, block[i].address - core.width);

		if ((size & 2) != 0)
			own_mmapped(&block[i], size, new);
		else if (block[i].usable != (size & ~UINT64_C(7)) - core.width)
			die("block %#" PRIx64 ": header and table disagree about its size",
			    block[i].address);
		else if (!in_ranges(&owned, block[i].address))
			die("block %#" PRIx64 " lies in no region of malloc's", block[i].address);
		if (i > 0 &&
		    block[i - 1].address + block[i - 1].usable > block[i].address - core.width)
			die("blocks %#" PRIx64 " and %#" PRIx64 " overlap", block[i - 1].address,
			    block[i].address);
	}
}

/* ---- stacks ------------------------------------------------------------------------- */

static int recorded_stack(uint64_t fs_base, struct range *out)
{
	uint64_t n = control_field(F_THREADS);

	for (uint64_t i = 0; i < n; i++)
		if (thread_field(i, 0) == fs_base) {
			*out = (struct range){ thread_field(i, 1), thread_field(i, 2), "stack" };
			return 1;
		}
	return 0;
}

static void live_stack(const struct lwp *t)
{
	struct range own;
	struct load l = core_run(&core, t->sp);
	uint64_t from = core.width == 8 ? (t->sp - RED_ZONE + 7) & ~UINT64_C(7)
	                                : t->sp & ~UINT64_C(3);

	if (!recorded_stack(t->fs_base, &own)) { /* the main thread: its mapping is its stack */
		if (l.end == 0)
			die("thread %u: its stack is not in the core", t->tid);
		own = (struct range){ l.start, l.end, "stack" };
	}
	if (t->sp < own.start || t->sp > own.end) {
		fprintf(stderr, "refmark: warning: thread %u is not on its own stack\n", t->tid);
		from = own.start;
	}
	add_range(&excluded, own.start, own.end, "stack");
	add_range(&roots, from > own.start ? from : own.start, own.end, "stack");
}

static bool is_live(uint64_t self)
{
	for (int i = 0; i < core.lwps; i++)
		if (core.lwp[i].fs_base == self)
			return true;
	return false;
}

/* The first thread may have ended before the others; its stack stays. */
static void dead_main_stack(void)
{
	struct load l = core_run(&core, control_field(F_MAIN_STACK));

	if (!is_live(control_field(F_MAIN_SELF)))
		add_range(&excluded, l.start, l.end, "dead stack");
}

/* A thread that has exited leaves its stack in the cache, with struct pthread's two pointers to
 * itself in place. Where they are gone, the memory is something else's now. */
static void dead_stacks(void)
{
	uint64_t n = control_field(F_THREADS), dead = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t self = thread_field(i, 0), a = 0, b = 0;

		if (is_live(self) || !core_word(&core, self, &a) ||
		    !core_word(&core, self + 2 * core.width, &b) || a != self || b != self)
			continue;
		add_range(&excluded, thread_field(i, 1), thread_field(i, 2), "dead stack");
		dead++;
	}
	fprintf(stderr, "refmark: %d threads, %" PRIu64 " stacks of exited ones\n", core.lwps,
	        dead);
}

/* ---- roots -------------------------------------------------------------------------- */

static int by_range(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void tell_unsaved(const struct load *l)
{
	if (l->saved_end < l->end)
		fprintf(stderr,
		        "refmark: warning: writable, not saved: %#" PRIx64 "-%#" PRIx64 " %" PRIu64
		        " kB %s\n",
		        l->saved_end, l->end, (l->end - l->saved_end) / 1024,
		        core_path(&core, l->start));
}

static void find_roots(void)
{
	for (int i = 0; i < core.lwps; i++)
		live_stack(&core.lwp[i]);
	dead_stacks();
	dead_main_stack();
	for (size_t i = 0; i < owned.n; i++)
		add_range(&excluded, owned.r[i].start, owned.r[i].end, owned.r[i].why);
	qsort(excluded.r, excluded.n, sizeof(*excluded.r), by_range);
	for (int i = 0; i < core.loads; i++) {
		const struct load *l = &core.load[i];
		uint64_t at = l->start;

		if ((l->flags & PF_W) == 0)
			continue;
		tell_unsaved(l);
		for (size_t k = 0; k < excluded.n; k++) {
			const struct range *x = &excluded.r[k];

			if (x->end <= at || x->start >= l->saved_end)
				continue;
			add_range(&roots, at, x->start, "mapping");
			at = x->end;
		}
		add_range(&roots, at, l->saved_end, "mapping");
	}
}

/* ---- marking ------------------------------------------------------------------------ */

static void mark_word(uint64_t word, enum reach as)
{
	size_t k = kept_by(word);

	if (k == NONE || block[k].reach != UNREACHED)
		return;
	if (as == REACHABLE && block[k].address != word)
		return;
	block[k].reach = as;
	later[nlater++] = k;
}

static void mark_range(uint64_t start, uint64_t end, enum reach as)
{
	uint64_t word;

	for (uint64_t w = core.width, at = (start + w - 1) & ~(w - 1); at + w <= end; at += w)
		if (core_word(&core, at, &word))
			mark_word(word, as);
}

static void mark_all(enum reach as)
{
	for (int i = 0; i < core.lwps; i++)
		for (int k = 0; k < core.lwp[i].words; k++)
			mark_word(core.lwp[i].word[k], as);
	for (size_t i = 0; i < roots.n; i++)
		mark_range(roots.r[i].start, roots.r[i].end, as);
	if (as == POSSIBLE) /* what is reached through start pointers may hold inner ones */
		for (size_t i = 0; i < blocks; i++)
			if (block[i].reach == REACHABLE)
				later[nlater++] = i;
	while (nlater > 0) {
		const struct block *b = &block[later[--nlater]];

		mark_range(b->address, b->address + b->usable, as);
	}
}

/* ---- telling ------------------------------------------------------------------------ */

static void why_word(uint64_t at, uint64_t word, uint64_t target, const char *what)
{
	size_t k = kept_by(word);

	if (k != NONE && block[k].address == target)
		printf("%#" PRIx64 " holds %#" PRIx64 " (+%" PRIu64 "): %s %s\n", at, word,
		       word - target, what, core_path(&core, at));
}

static void why_range(uint64_t start, uint64_t end, uint64_t target, const char *what)
{
	uint64_t word;

	for (uint64_t w = core.width, at = (start + w - 1) & ~(w - 1); at + w <= end; at += w)
		if (core_word(&core, at, &word))
			why_word(at, word, target, what);
}

static void why(uint64_t target)
{
	static const char *const name[] = { "", "possible", "reachable", "definite", "indirect" };

	for (int i = 0; i < core.lwps; i++)
		for (int k = 0; k < core.lwp[i].words; k++)
			why_word((uint64_t)k, core.lwp[i].word[k], target, "register word");
	for (size_t i = 0; i < roots.n; i++)
		why_range(roots.r[i].start, roots.r[i].end, target, roots.r[i].why);
	for (size_t i = 0; i < blocks; i++) {
		char text[80];

		snprintf(text, sizeof(text), "in %s block %#" PRIx64, name[block[i].reach],
		         block[i].address);
		why_range(block[i].address, block[i].address + block[i].usable, target, text);
	}
}

static void tell(void)
{
	static const char *const name[] = { "", "possible", "reachable", "definite", "indirect" };
	size_t n[5] = { 0 };

	puts("address,usable,requested,caller,reach");
	for (size_t i = 0; i < blocks; i++) {
		const struct block *b = &block[i];

		printf("0x%" PRIx64 ",%" PRIu64 ",%" PRIu64 ",0x%" PRIx64 ",%s\n", b->address,
		       b->usable, b->requested, b->caller, name[b->reach]);
		n[b->reach]++;
	}
	fprintf(stderr,
	        "refmark: %zu blocks: %zu reachable, %zu possible, %zu definite, "
	        "%zu indirect; %" PRIu64 " frees dropped of %" PRIu64 " operations\n",
	        blocks, n[REACHABLE], n[POSSIBLE], n[DEFINITE], n[INDIRECT],
	        control_field(F_DROPPED), control_field(F_OPS));
}

int main(int argc, char **argv)
{
	if (argc != 2 && !(argc == 4 && strcmp(argv[2], "--why") == 0))
		die("usage: refmark CORE [--why ADDRESS]");
	core_read_file(&core, argv[1]);
	find_control();
	read_table();
	own_and_check_blocks();
	find_roots();
	later = grab(blocks, sizeof(*later));
	mark_all(REACHABLE);
	mark_all(POSSIBLE);
	find_heads();
	if (argc == 4)
		why(strtoull(argv[3], NULL, 0));
	else
		tell();
	return 0;
}
