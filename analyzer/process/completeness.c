/*
 * How much of what should be in the core is there, and what that does to the verdict, in words.
 */
#include "analyzer/process/busy.h"
#include "analyzer/report/report.h"
#include "analyzer/report/text.h"

/* Roots that are missing, counted by what they are. */
struct lost {
	size_t vectors, stacks, tls, others;
	bool registers; /* of all threads: the core names none */
	uint64_t other_bytes;
	const char *file[3]; /* names of the first files whose data is missing */
	size_t files;        /* how many there are in all */
	const char *why;     /* of the first */
};

static void count_file(struct lost *lost, const char *path)
{
	const char *name = base_name(path);

	for (size_t i = 0; i < lost->files && i < 3; i++) {
		if (!strcmp(lost->file[i], name))
			return;
	}
	if (lost->files < 3)
		lost->file[lost->files] = name;
	lost->files++;
}

static struct lost count_lost(const struct roots *roots)
{
	struct lost lost = { 0 };

	for (size_t i = 0; i < roots->nmissing; i++) {
		const struct root_missing *m = &roots->missing[i];

		if (!lost.why)
			lost.why = m->why;
		if (m->kind == ROOT_REGISTER && m->thread >= 0) {
			lost.vectors++;
		} else if (m->kind == ROOT_REGISTER) {
			lost.registers = true;
		} else if (m->kind == ROOT_STACK) {
			lost.stacks++;
		} else if (m->kind == ROOT_TLS) {
			lost.tls++;
		} else if (m->file) {
			count_file(&lost, m->file);
		} else {
			lost.others++;
			lost.other_bytes += m->end - m->start;
		}
	}
	return lost;
}

static const char *list(struct pool *pool, const char *so_far, const char *more)
{
	return *so_far ? pool_printf(pool, "%s, %s", so_far, more) : more;
}

/* "libc.so.6, prog, libm.so.6 and 2 other files" */
static const char *lost_files(struct pool *pool, const struct lost *lost)
{
	const char *text = "";

	for (size_t i = 0; i < lost->files && i < 3; i++)
		text = list(pool, text, lost->file[i]);
	if (lost->files > 3)
		text = pool_printf(pool, "%s and %s", text,
		                   text_plural(pool, lost->files - 3, "other file", "other files"));
	return text;
}

/* "2 thread stacks, the data of libc.so.6, 3 other mappings (1.20 MiB)" */
static const char *lost_text(struct report *r, const struct roots *roots)
{
	struct lost lost = count_lost(roots);
	struct pool *pool = &r->pool;
	const char *text = "";

	if (lost.registers)
		text = r->process.threads
		               ? "the registers of threads whose notes are cut off, if any"
		               : "the registers of all threads, and with them which "
		                 "stacks were live";
	if (lost.vectors)
		text = list(pool, text,
		            pool_printf(pool, "the vector registers of %s",
		                        text_plural(pool, lost.vectors, "thread", "threads")));
	if (lost.stacks)
		text = list(
			pool, text,
			lost.stacks >= r->process.threads
				? "all thread stacks"
				: text_plural(pool, lost.stacks, "thread stack", "thread stacks"));
	if (lost.tls)
		text = list(pool, text,
		            pool_printf(pool, "the TLS of %s",
		                        text_plural(pool, lost.tls, "thread", "threads")));
	if (lost.files)
		text = list(pool, text,
		            pool_printf(pool, "the data of %s", lost_files(pool, &lost)));
	if (lost.others)
		text = list(pool, text,
		            pool_printf(pool, "%s (%s)",
		                        text_plural(pool, lost.others, "other mapping",
		                                    "other mappings"),
		                        text_bytes_in(pool, lost.other_bytes)));
	return text;
}

/* What of the heap is there: regions of arenas that were found. */
static const char *kept_text(struct report *r, const struct heap *heap)
{
	struct pool *pool = &r->pool;
	const char *text = text_plural(pool, r->process.threads, "thread's registers",
	                               "threads' registers");

	if (heap->narenas)
		text = list(pool, text, text_plural(pool, heap->narenas, "arena", "arenas"));
	if (heap->nspans)
		text = list(pool, text,
		            pool_printf(pool, "%s in use",
		                        text_plural(pool, heap->total[BLOCK_USED].blocks, "block",
		                                    "blocks")));
	return text;
}

/* "truncated: 2.00 GiB of 2.60 GiB present (77%)" */
static const char *truncated_text(struct report *r)
{
	uint64_t whole = r->input.unpacked + r->input.missing;
	char share[TEXT_NUMBER];

	return pool_printf(&r->pool, "truncated: %s of %s present (%s)",
	                   text_bytes_in(&r->pool, r->input.unpacked),
	                   text_bytes_in(&r->pool, whole),
	                   text_share(share, r->input.unpacked, whole));
}

#define TRUNCATED_REMEDY                                                                \
	"remedy: ulimit -c unlimited for the process; with systemd-coredump raise "     \
	"ProcessSizeMax= and ExternalSizeMax= in coredump.conf; look for a full disk; " \
	"kernel.core_sort_vma=1 (Linux 6.15) writes small mappings first"

/* Takes the place of the short warning that report_start gave. */
static void warn_truncated(struct report *r, struct analysis *a)
{
	const struct roots *roots = analysis_roots(a);
	const char *lost = lost_text(r, roots);
	const char *effect = "all roots are present; blocks in the part that is cut off are not "
			     "counted";

	if (!analysis_heap(a)->nspans)
		effect = "no heap was found in what is present; process, mappings and threads are "
			 "still valid";
	else if (roots->nmissing)
		effect = "leak verdicts withheld (roots are missing); block histogram and arenas "
			 "are "
			 "still valid for what is present";
	for (size_t i = 0; i < r->input.warnings.n; i++) {
		struct report_warning *w = &r->input.warnings.v[i];

		if (!strcmp(w->code, "truncated"))
			w->message = pool_printf(&r->pool, "%s\n  kept: %s    lost: %s\n  %s\n  %s",
			                         truncated_text(r), kept_text(r, analysis_heap(a)),
			                         *lost ? lost : "no root", effect,
			                         TRUNCATED_REMEDY);
	}
}

/* What to do next time; each ends the sentence "remedy: ...". */
static const char *roots_remedy(const char *why)
{
	if (why && !strcmp(why, "zeroed by gdb"))
		return "let the kernel write the core (ulimit -c unlimited, then kill -ABRT PID), "
		       "or use "
		       "gcore of gdb 18 or newer: older ones give up a whole mapping at its first "
		       "unreadable page";
	if (why && !strcmp(why, ROOT_NO_VECTORS))
		return "let a kernel or gdb's gcore write the core: qemu-user leaves these "
		       "registers out";
	return "take the core with `echo 0x7f >/proc/PID/coredump_filter` set before, or by gdb's "
	       "gcore "
	       "as the same user with all limits raised";
}

static void warn_roots(struct report *r, const struct roots *roots)
{
	struct lost lost = count_lost(roots);

	report_warn(r, "roots-missing",
	            "%s may hold pointers is missing: %s (%s%s)\n"
	            "  leak verdicts withheld: what is unreachable is called possible\n"
	            "  remedy: %s",
	            roots->missing_bytes ? "memory that" : "what", lost_text(r, roots),
	            lost.why ? lost.why : "not saved",
	            roots->missing_bytes
	                    ? pool_printf(&r->pool, "; %s in all",
	                                  text_bytes_in(&r->pool, roots->missing_bytes))
	                    : "",
	            roots_remedy(lost.why));
}

static double heap_share(const struct heap *heap)
{
	uint64_t all = 0, gone = heap->unread;

	for (size_t i = 0; i < heap->nspans; i++)
		all += heap->span[i].end - heap->span[i].start;
	if (!heap->nspans || !all)
		return -1;
	return gone >= all ? 0 : 1 - (double)gone / (double)all;
}

static double coverage(const struct heap *heap)
{
	double all = (double)heap->covered + (double)heap->repaired + (double)heap->skipped +
	             (double)heap->unread;

	return heap->nspans && all > 0 ? (double)heap->covered / all : -1;
}

/* What is called used for want of what would tell: see heap.doubtful. */
static void warn_doubtful(struct report *r, const struct heap *heap)
{
	if (heap->doubtful.blocks)
		report_warn(r, "blocks-doubtful",
		            "up to %s, %s, counted as used may be free, or malloc's own: %s that "
		            "would tell is not in the core",
		            text_plural(&r->pool, heap->doubtful.blocks, "block", "blocks"),
		            text_bytes_in(&r->pool, heap->doubtful.bytes),
		            heap->lost ? "the main arena" : "the TLS of a thread");
}

/* Where malloc's structures are not those of a release that is known. */
static void warn_layout(struct report *r, const struct heap *heap)
{
	const struct report_process *p = &r->process;
	bool debug = p->layout_source && !strcmp(p->layout_source, "dwarf");

	if (heap->debug_misfit)
		report_warn(
			r, "layout-debug",
			"libc's debug information places malloc's structures where this heap does "
			"not have them: it was not used");
	if (!p->layout_source || !strcmp(p->layout_source, "table") ||
	    (debug && p->layout_versions))
		return;
	if (p->layout_versions)
		report_warn(r, "layout-inferred",
		            "glibc %s is newer than what this program knows: that its malloc is "
		            "laid out as in %s was inferred from the structure of the heap",
		            p->libc_version ? p->libc_version : "of this process",
		            p->layout_versions);
	else
		report_warn(r, debug ? "layout-unknown" : "layout-inferred",
		            "malloc is laid out as in no glibc that this program knows: where "
		            "things are %s",
		            debug ? "is what libc's debug information says"
		                  : "was inferred from the structure of the heap");
}

/* "thread 4711 was in _int_free, called by free, and arena 0 was locked" */
static const char *busy_text(struct report *r, const struct busy *busy)
{
	struct pool *pool = &r->pool;
	const char *where, *locked = "";

	if (busy->locked == 1)
		locked = pool_printf(pool, "arena %zu was locked", busy->arena);
	else if (busy->locked)
		locked = pool_printf(pool, "%zu arenas were locked (arena %zu the first)",
		                     busy->locked, busy->arena);
	if (!busy->threads)
		return locked;
	where = pool_printf(pool, "thread %d was in %s", busy->tid, busy->inner);
	if (strcmp(busy->inner, busy->outer) != 0)
		where = pool_printf(pool, "%s, called by %s", where, busy->outer);
	if (busy->threads > 1)
		where = pool_printf(pool, "%zu threads were in malloc's functions (%s)",
		                    busy->threads, where);
	return *locked ? pool_printf(pool, "%s, and %s,", where, locked) : where;
}

/* What is said of blocks then holds for those at rest. */
static void warn_busy(struct report *r, struct analysis *a)
{
	struct busy busy;

	busy_find(a, &busy);
	if (!busy.threads && !busy.locked)
		return;
	report_warn(r, "malloc-under-way",
	            "%s when the core was taken: malloc's lists may be half-linked, and %s under "
	            "way may be counted as used or as free, and as leaked%s\n"
	            "  all other blocks are counted as always",
	            busy_text(r, &busy),
	            busy.threads > 1 || busy.locked > 1 ? "a block of each that is"
	                                                : "one block that is",
	            busy.consolidating ? "; so may those of a fastbin that is being emptied" : "");
}

static void warn_heap(struct report *r, const struct heap *heap, const struct reach *reach)
{
	if (heap->lost)
		report_warn(r, "main-arena-lost",
		            "malloc's main arena is not in the core: the heap was found by its "
		            "own structure, and malloc's sums cannot be checked");
	else
		warn_layout(r, heap);
	warn_doubtful(r, heap);
	if (heap->unread)
		report_warn(r, "heap-unread",
		            "%s of the heap are not in the core: blocks there "
		            "are not "
		            "counted",
		            text_bytes_in(&r->pool, heap->unread));
	if (heap->skipped)
		report_warn(r, "heap-skipped",
		            "%s of the heap were passed over because of damage: "
		            "blocks there are not counted; `coreheap check` tells where",
		            text_bytes_in(&r->pool, heap->skipped));
	if (reach->unread && !heap->unread && !r->input.truncated)
		report_warn(r, "blocks-unread",
		            "%s of memory that was to be searched for "
		            "pointers are "
		            "not in the core",
		            text_bytes_in(&r->pool, reach->unread));
}

/* Its heap, and that of glibc beside it, if there is one. */
static void warn_allocator(struct report *r, const struct heap *heap)
{
	const struct report_allocator *a = &r->process.allocators.v[0];
	const char *what = heap->nspans ? "only what glibc's malloc handed out beside it is counted"
	                                : "its blocks cannot be listed by this version";
	const char *by = a->module ? pool_printf(&r->pool, " (%s)", base_name(a->module)) : "";

	report_warn(r, "foreign-allocator", "this process uses %s%s, not glibc's malloc: %s",
	            a->name, by, what);
}

void report_warn_truncated(struct report *report)
{
	report_warn(report, "truncated", "%s; `coreheap check` tells what is lost\n  %s",
	            truncated_text(report), TRUNCATED_REMEDY);
}

void report_add_completeness(struct report *report, struct analysis *a)
{
	const struct heap *heap = analysis_heap(a);
	const struct roots *roots = analysis_roots(a);
	const struct reach *reach = analysis_reach(a);

	report->input.heap = heap_share(heap);
	report->input.heap_missing = !heap->nspans && (heap->lost || heap->unread);
	report->input.coverage = coverage(heap);
	report->input.stacks = roots->stacks_saved;
	report->input.globals = roots->globals_saved;
	report->input.tls = roots->tls_saved;
	if (report->input.truncated)
		warn_truncated(report, a);
	else if (roots->nmissing)
		warn_roots(report, roots);
	if (report->process.allocator)
		warn_allocator(report, heap);
	if (heap->nspans) {
		warn_heap(report, heap, reach);
		warn_busy(report, a);
	} else if (!report->process.allocator && !report->input.truncated)
		report_warn(report, "no-heap",
		            report->input.heap_missing
		                    ? "the memory in which the heap of glibc's malloc would lie is "
		                      "not in the core"
		                    : "no heap of glibc's malloc was found in this core");
	if (roots->nmissing || heap->unread || heap->skipped || reach->unread)
		report->partial = true;
}
