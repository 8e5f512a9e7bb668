/*
 * report: what one run found, as plain sorted data, final: every rendering (text, JSON, JSONL, CSV)
 * is made from it alone. A section that a command does not compute is absent; a number that is not
 * known is ABSENT, never 0. It knows no file descriptor and no format.
 *
 * Strings belong to the report's pool, to the core or are static; the analysis must outlive the
 * report.
 */
#ifndef ANALYZER_REPORT_REPORT_H
#define ANALYZER_REPORT_REPORT_H

#include "analyzer/analysis.h"
#include "analyzer/memory/balance.h"
#include "analyzer/leak/group.h"

#define REPORT_SCHEMA "coreheap.report/1"

struct profile;

#define ABSENT UINT64_MAX /* an unknown number of a report: the key is left out */

/* What could not be read or did not fit, for `input.warnings` and standard error. */
struct report_warning {
	const char *code;    /* stable, lower case with dashes: "truncated", "roots-missing", ... */
	const char *message; /* what, what it means, the remedy; may be of several lines */
};

struct report_input {
	const char *path;
	uint64_t bytes;          /* as given: compressed, if it was */
	uint64_t unpacked;       /* of the core itself */
	const char *compression; /* "zstd", "lz4", "xz", "gzip"; "none" */
	bool broken;             /* not all of what was compressed came out: a warning says why */
	const char *kind;        /* "core", "gcore" */
	const char *writer;      /* the same for people: "kernel core", "gcore snapshot" */
	bool truncated;
	bool heap_missing; /* no heap was found, and memory that may have held it is not there */
	bool damaged;      /* some of its bytes are wrong, or its headers are */
	uint64_t missing;  /* bytes promised by the headers and not in the file; 0: none */
	/* shares 0..1 of what should be there; negative: not computed */
	double heap, stacks, globals, tls;
	double coverage; /* of the heap's bytes: walked from sound header to sound header */
	ARRAY(struct report_warning) warnings;
};

/*
 * One `user.coredump.*` attribute of the core file, under its OpenTelemetry name where it has one.
 */
struct report_attribute {
	const char *name, *value;
};

/* Another allocator than glibc's. */
struct report_allocator {
	const char *name;   /* "jemalloc", "V8" */
	const char *role;   /* allocator_role_name */
	const char *module; /* path of the file that it was recognized in; NULL: in none */
};

struct report_process {
	const char *comm, *exe; /* NULL: unknown */
	uint64_t pid;           /* ABSENT: unknown */
	int signal;             /* 0: none (a snapshot) or unknown */
	uint64_t threads;
	const char *arch;
	const char *build_id;                     /* of exe, hexadecimal; NULL: unknown */
	const char *libc_version, *libc_build_id; /* NULL: unknown; so the next two */
	const char *layout_source, *layout_versions;
	const char *abort_message; /* what libc said when it aborted the process; NULL: nothing */
	const char *allocator;     /* malloc is its and not glibc's; NULL: glibc's or none found */
	ARRAY(struct report_allocator) allocators; /* all that are not glibc's, sorted by role */
	const char *timestamp; /* RFC 3339, of the crash; NULL: nothing reliable tells it */
	const char *instance;  /* which execution of the program: instance.h; NULL: not known */
	ARRAY(struct report_attribute) attributes; /* sorted by name */
};

/* What keeps a region of an arena from getting smaller at its end: trim_pin. */
struct report_pin {
	uint64_t arena;
	vaddr start, end;     /* of the region */
	vaddr address;        /* of the block; 0: all of the region is free */
	uint64_t size;        /* usable bytes */
	const char *state;    /* "used", "internal"; "free": a tcache has it */
	const char *type;     /* NULL: unknown */
	uint64_t behind;      /* free bytes between it and the region's end */
	uint64_t before;      /* free bytes right in front of it */
	uint64_t used_blocks; /* in the region */
};

#define FRAGMENTATION_PAGES 6
#define FRAGMENTATION_HOLES 64

struct report_fragmentation {   /* bytes */
	uint64_t runs;          /* number: of whole free pages in a row */
	uint64_t whole;         /* of all pages in them, resident or not */
	uint64_t from_top;      /* of trimmable: at the end of the main arena */
	struct report_pin *pin; /* those with the most free memory in front first */
	size_t npins;
	bool detailed; /* the rest was asked for */
	/* number of resident pages of arenas, by how much of them is in use: nothing, less than a
	 * quarter, a half, three quarters, all; all */
	uint64_t pages[FRAGMENTATION_PAGES];
	struct tally hole[FRAGMENTATION_HOLES]; /* free blocks but top of 2^index bytes and more */
};

/* What a finding about memory rests on. Names are those of the JSON. */
#define REPORT_NUMBERS 8
struct report_number {
	const char *name;
	uint64_t value;
};

/* Which part of the memory is the culprit: see dominant.h. */
struct report_dominant {
	const char *code; /* "leak", "heap", ...; NULL: not asked for, or nothing to tell of */
	const char *rule; /* why, in words */
	const char *text; /* the finding in words; NULL: the verdict says it already */
	struct report_number number[REPORT_NUMBERS];
	size_t nnumbers;
};

/* A setting that would help, and the figures that say so: see knob.h. */
struct report_knob {
	const char *name, *text; /* "M_ARENA_MAX" */
	struct report_number number[REPORT_NUMBERS];
	size_t nnumbers;
};

/* What else is known of where memory went. Bytes, unless told otherwise. */
struct report_facts {
	uint64_t live_stacks, exited_stacks; /* number */
	uint64_t stack_size, stack_deepest;  /* of threads but the initial one: the largest */
	uint64_t thread_arenas;              /* number: not main */
	uint64_t thread_arenas_free;         /* resident and free in them */
	uint64_t large_holes;                /* number: of 128 KiB and more, between blocks */
	uint64_t large_holes_bytes;          /* resident in them */
	uint64_t main_top;                   /* resident at the main arena's end */
	uint64_t trim_threshold, mmap_threshold, arena_max; /* mp_'s; ABSENT: unknown */
	struct balance_place busiest[OWNERS], idlest[OWNERS];
	const char *shared_path; /* of the shared memory with the most; NULL: none */
};

/* Bytes; ABSENT: unknown. */
struct report_memory {
	uint64_t mapped, resident, saved;
	uint64_t in_use, free_held, internal; /* usable bytes of blocks by state */
	uint64_t in_use_blocks, free_blocks;
	uint64_t trimmable; /* of what is free: resident, and malloc_trim(0) would give it back */
	uint64_t mmapped;   /* of in_use: in mmapped chunks */
	uint64_t heap;      /* resident in malloc's regions */
	uint64_t stacks, files, shared, anonymous; /* resident, outside malloc's regions */
	uint64_t reserved; /* resident in space in reserve: gcore saves it, kernels do not */
	struct {           /* the same, mapped */
		uint64_t heap, stacks, files, shared, anonymous, reserved;
	} space;
	uint64_t arenas;                       /* number */
	struct balance_line ledger[OWNERS];    /* they add up to mapped */
	struct balance_line sharing[SHARINGS]; /* so do these */
	struct report_fragmentation fragmentation;
	struct report_facts facts;
	struct report_dominant dominant;
	ARRAY(struct report_knob) knobs;
};

struct report_leaks {
	struct tally definite, indirect, possible, reachable;
	bool withheld;          /* roots are missing: nothing is called definite */
	struct tally suspended; /* withheld: unreachable in what is there */
	struct tally shared;    /* of indirect: what hangs on several heads; ABSENT: unknown */
	uint64_t sharers;       /* heads that any of it hangs on; ABSENT: unknown */
	struct tally
		structural;  /* of possible: kept by structural pointers; ABSENT: not asked for */
	uint64_t weak_words; /* on which the rest of possible hangs; ABSENT: unknown, or many */
};

/* Blocks that are not told of, as a suppression matched; they are among the leaks' totals. */
struct report_suppressed {
	bool asked;
	struct tally definite, indirect, possible, reachable;
};

struct report_site {
	const char *function, *file, *module; /* NULL: unknown */
	uint64_t line, offset;                /* ABSENT: unknown */
};

#define REPORT_CANDIDATES 5

/* Who holds the blocks of a finding that tell no site themselves: owner.h. */
struct report_owner {
	const char *type;        /* NULL: unknown */
	struct report_site site; /* where the owners were allocated, if that is known: */
	const char *site_method; /* NULL: it is not */
	double site_confidence;  /* negative: a fact, or unknown */
	double share;            /* of the blocks that were looked at */
};

/* What the blocks of a finding have in common at one offset: trait.h. */
struct report_trait {
	uint64_t offset;  /* bytes */
	const char *kind; /* "function", "variable", "block", "string", "text", "pointer to text" */
	const char *text; /* its name, what holds the block, the form of the text */
	vaddr at;         /* what all point to; 0: nothing of one address */
};

struct report_finding {
	const char *kind;       /* "leak", "possible", "reachable", "corruption", "disagreement" */
	const char *reach;      /* of its blocks: "definite", ...; NULL: does not apply */
	const char *interior;   /* possible: "structural", "weak"; NULL: not asked for */
	char fingerprint[20];   /* "h1:" and 16 hex digits */
	const char *signature;  /* its readable form */
	uint64_t blocks, bytes; /* ABSENT: does not apply */
	uint64_t key;           /* what the fingerprint has of type, size and structure */
	struct tally held;      /* indirect blocks that only one of these holds; ABSENT: unknown */
	struct tally shared;    /* indirect blocks that these hold and other heads, too */
	uint64_t sharers; /* heads that `shared` hangs on, these among them; ABSENT: unknown */
	uint64_t retained_bytes; /* bytes + held.bytes */
	uint64_t size;           /* usable bytes of each block; ABSENT: they differ */
	const char *type;        /* NULL: unknown; so the rest */
	double type_confidence;  /* negative: unknown */
	struct report_site site;
	const char *site_text; /* the likely site, or likeliest ones, for people; NULL: none */
	const char *site_name; /* the site in a phrase where it was kept, or is likely; NULL: not */
	const char *site_candidate[REPORT_CANDIDATES]; /* where it is not clear, likeliest first */
	unsigned ncandidates;
	double site_confidence;
	const char *site_method;
	const char *owner; /* "session, allocated in make_session (server.c:41)"; NULL: unknown */
	const struct report_owner *owned; /* with owner; NULL: it was read from a report */
	const struct report_frame *frame; /* the stack that allocated its blocks; NULL: unknown */
	size_t nframes;
	struct tally estimated; /* site_method "sampled": so many, of which these are a sample */
	vaddr example;          /* 0: none */
	const vaddr *pick;      /* some of its blocks, for what is found out later; NULL: none */
	size_t npicks;
	struct report_trait *trait; /* by offset; NULL: none known */
	size_t ntraits;
	const char *code, *message; /* corruption, disagreement: heap_finding's */
	vaddr at;                   /* corruption: the damaged block; 0: none */
	struct block front;         /* the block before it; addr 0: none */
	uint64_t count; /* of these: how many times it was seen; ABSENT: does not apply */
};

/* One row of the histogram of used blocks by size, all verdicts side by side. */
struct report_size {
	uint64_t size; /* usable bytes */
	struct tally definite, indirect, possible, reachable;
};

/* Who keeps much of what is in use: a block that no other one dominates. */
struct report_keeper {
	const char *held_by; /* the root that holds it, in words; NULL: not found */
	uint64_t steps;      /* pointers from there to the block; ABSENT: unknown */
	vaddr address;
	uint64_t size;
	const char *type;       /* NULL: unknown */
	struct tally retained;  /* it, and what only it leads to */
	vaddr point;            /* where below it that accumulates; address: at once */
	const char *point_type; /* NULL: unknown */
	uint64_t point_size;
	struct tally point_retained;
	uint64_t chain; /* steps on the way down that keeps most of it: many of a list */
	uint64_t parts; /* blocks that the point dominates immediately */
	/* of these, the size that retains most: how many blocks, and what they retain together */
	uint64_t of, of_size, of_bytes;
};

struct report_place {
	const char *place; /* free_place_name */
	uint64_t blocks, bytes;
};

struct report_heap { /* one region of an arena */
	vaddr start, end;
	uint64_t resident; /* bytes */
};

struct report_arena {
	uint64_t number; /* main is 0 */
	vaddr addr;
	bool main;
	bool contiguous;
	uint64_t system_mem, max_system_mem, walked; /* bytes */
	uint64_t attached_threads;
	struct tally used, internal;
	struct report_place place[FREE_PLACES]; /* sorted as enum free_place */
	uint64_t free_blocks, free_bytes;
	uint64_t trimmable, largest_free; /* bytes */
	double fragmentation; /* 1 - largest_free / free_bytes, 0..1; negative: nothing is free */
	vaddr top;
	uint64_t top_size;
	struct report_heap *heap;
	size_t nheaps;
	const char *module; /* file of the malloc it belongs to; NULL: unknown */
};

struct report_tcache {
	vaddr addr;
	uint64_t tid; /* ABSENT: of no live thread */
	uint64_t blocks, bytes;
};

struct report_frame {
	vaddr pc;
	const char *function; /* NULL: unknown; so the rest */
	const char *symbol;   /* its raw name, where that differs; NULL: it does not */
	uint64_t offset;      /* from the function's start; ABSENT: unknown */
	const char *file;
	uint64_t line; /* ABSENT: unknown */
	const char *module;
	uint64_t module_offset;
};

struct report_register {
	const char *name;
	uint64_t value;
};

struct report_thread {
	uint64_t tid;
	const char *name; /* NULL: a core does not tell it */
	bool current;     /* the one that dumped */
	int signal;
	vaddr pc, sp, tls;
	vaddr stack_start, stack_end;         /* 0, 0: not found */
	uint64_t stack_used, stack_resident;  /* bytes; ABSENT: unknown */
	uint64_t arena;                       /* number; ABSENT: unknown */
	uint64_t tcache_blocks, tcache_bytes; /* ABSENT: it has none that was found */
	struct report_frame *frame;           /* innermost first */
	size_t nframes;
	const char *stop; /* why the backtrace ends where it does; NULL: at its natural end */
	struct report_register *reg;
	size_t nregs; /* 0: not asked for */
};

struct report_mapping {
	vaddr start, end;
	char mode[5];             /* "rw-p"; the last is '-' where a core does not tell */
	const char *kind;         /* "heap", "arena", "stack", ...: ledger_kind_name */
	const char *path;         /* NULL: anonymous */
	uint64_t offset;          /* into path; ABSENT: none */
	uint64_t saved;           /* bytes that are in the core */
	uint64_t resident;        /* as far as the saved pages tell; ABSENT: none is saved */
	uint64_t in_use;          /* usable bytes of used blocks in it; ABSENT: not malloc's */
	const char *holds;        /* in words: "stack of thread 4711" ...; NULL: nothing known */
	const char *sharing;      /* balance_sharing_name of its greatest part */
	struct report_part {      /* bytes by kind; they add up to the mapping */
		const char *kind; /* ledger_kind_name */
		uint64_t bytes;
	} * part;
	size_t nparts;
};

struct report_module {
	const char *path;
	const char *build_id; /* hexadecimal; NULL: unknown */
	vaddr start, end;
	const char *file;    /* on this host, build-id checked; NULL: none */
	const char *missing; /* why there is none */
};

struct report {
	struct pool pool;
	const char *verdict;      /* "leaks", "clean", ...: see verdict.h; NULL: not asked for */
	const char *verdict_text; /* in plain words */
	struct report_input input;
	struct report_process process;
	/* sections; has_* or a non-NULL array says that the command computed it */
	bool has_memory, has_leaks, has_findings, has_sizes;
	bool has_arenas, has_tcaches, has_modules, has_threads, has_mappings;
	struct report_memory memory;
	struct report_leaks leaks;
	struct report_suppressed suppressed;
	ARRAY(struct report_finding) findings; /* sorted by bytes, then by signature and example */
	ARRAY(struct report_size) sizes;       /* sorted by size */
	ARRAY(struct report_keeper) keepers;   /* sorted by what they retain */
	bool has_keepers, without_keepers;     /* without: left out, as there are so many blocks */
	ARRAY(struct report_arena) arenas;     /* sorted by number */
	ARRAY(struct report_tcache) tcaches;   /* sorted by address */
	ARRAY(struct report_module) modules;   /* sorted by start */
	ARRAY(struct report_thread) threads;   /* in the core's order */
	ARRAY(struct report_mapping) mappings; /* sorted by start */
	size_t file_warnings;    /* of modules.warnings, so many are among input.warnings */
	bool told_nameless;      /* which names are missing, among them too */
	bool partial;            /* something of the core could not be read: --strict's exit 4 */
	struct profile *profile; /* owned; NULL: not asked for */
	bool has_limits;         /* only with -v: the one thing that differs from run to run */
	uint64_t elapsed_ms, peak_rss;
};

/* Tool, input and process. Runs the stages up to the heap. */
void report_start(struct report *report, struct analysis *a);
void report_free(struct report *report);

/* Sections. Each runs the stages that it needs. */
void report_add_completeness(struct report *report, struct analysis *a); /* and its warnings */
void report_warn_truncated(struct report *report); /* in short; report_start calls it */
void report_add_memory(struct report *report, struct analysis *a);
void report_add_fragmentation(struct report *report, struct analysis *a); /* after memory */
void report_add_leaks(struct report *report, struct analysis *a);         /* totals */
void report_add_damage(struct report *report, struct analysis *a); /* findings of the heap walk */
void report_add_modules(struct report *report, struct analysis *a);
/* Warnings about files that came up since; what looks up names calls it before it renders. */
void report_warn_files(struct report *report, struct analysis *a);

/* All that is suppressed. */
struct tally report_suppressed_sum(const struct report *report);

void report_warn(struct report *report, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Hexadecimal of a build-id, owned by the report. NULL where size is 0. */
const char *report_hex(struct report *report, const uint8_t *bytes, size_t size);

/*
 * Which of the possible blocks structural pointers keep (interior.h); few: only where there are few
 * blocks, as it takes a look at all of them. After the leaks, before the groups.
 */
void report_add_inside(struct report *report, struct analysis *a, bool few);

/*
 * Findings of leaks: used blocks whose verdict is among `classes` (bits by enum reach_class), in
 * groups. In a run with withheld verdicts give 1 << REACH_POSSIBLE. After the leaks.
 */
void report_add_groups(struct report *report, struct analysis *a, enum group_by by,
                       unsigned classes);
void report_add_sizes(struct report *report, struct analysis *a); /* after the leaks */

/* Who keeps what is in use, unless there are too many blocks for a quick answer. */
/* far: however many blocks there are. */
void report_add_keepers(struct report *report, struct analysis *a, bool far);

/* Sorts findings by bytes and fills in signatures and fingerprints: call it once, at the end. */
void report_finish(struct report *report);

/* Renderings. */
struct out;
void json_report(const struct report *report, struct out *out);
/* The same in two steps: a command writes `,\n  "key": value` of its own between them. */
void json_begin(const struct report *report, struct out *out);
void json_end(const struct report *report, struct out *out);
void json_schema(struct out *out);
/* One finding, mapping ... a line: the array that is the command's own. */
enum report_rows { ROWS_FINDINGS, ROWS_ARENAS, ROWS_THREADS, ROWS_MAPPINGS };
void jsonl_rows(const struct report *report, enum report_rows rows, struct out *out);

#endif
