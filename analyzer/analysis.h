/*
 * analysis: the stages of one run over one core, each computed when first asked for and kept. The
 * order of the stages is core, modules, heap, allocators, stacks, roots, reach, types: asking for a
 * later one runs the earlier ones.
 */
#ifndef ANALYZER_ANALYSIS_H
#define ANALYZER_ANALYSIS_H

#include "analyzer/process/allocator.h"
#include "analyzer/reach/reach.h"
#include "analyzer/type/type.h"
#include "formats/variable.h"
#include "heapwalk/trim.h"

struct analysis {
	struct core *core;
	struct module_options where;
	unsigned threads; /* 0: as many as there are processors; set before a stage is asked for */
	bool thorough;    /* libc's debug information, and which bin each free chunk is in, are
	                     wanted; set before, too */
	bool marks;       /* reach will be asked for: marking begins with the heap's walk; set
	                     before, too */
	uint64_t log;     /* bytes that may be logged then; 0: as early.h has it */
	unsigned typed;   /* verdicts whose blocks' types are wanted, 1 << enum reach_class or'ed;
	                     0: all. Set before the types are asked for */
	/* stages; ask through the functions below */
	struct modules modules;
	struct typegraph *typegraph;     /* of no module, until one is indexed */
	struct propagation *propagation; /* blocks as typed pointers tell them; NULL until the types
	                                    of all blocks were asked for */
	struct debug_layout debug;       /* libc's, if its debug file is at hand */
	struct heap *heap;
	struct early *early; /* until reach is there; may be NULL */
	struct allocators allocators;
	struct trims trims;
	struct stacks stacks;
	struct roots roots;
	struct reach reach;
	struct types *types;
	struct interior *interior;
	struct origins *origins; /* origin.h */
	bool small; /* effort.h */
	bool has_modules, has_trims, has_allocators, has_stacks, has_roots, has_reach, has_effort;
};

/* Opens the core; where may be NULL. False as core_open. The caller ends with analysis_close. */
bool analysis_open(const char *path, const struct module_options *where, struct analysis *a,
                   struct err *err);
void analysis_close(struct analysis *a);

unsigned analysis_threads(const struct analysis *a); /* to be used, 1 at least */

struct modules *analysis_modules(struct analysis *a);
struct typegraph *analysis_typegraph(struct analysis *a);
const struct heap *analysis_heap(struct analysis *a);
const struct trims *analysis_trims(struct analysis *a); /* of the heap; on no other's way */
const struct allocators *analysis_allocators(struct analysis *a);
const struct stacks *analysis_stacks(struct analysis *a);
const struct roots *analysis_roots(struct analysis *a);
const struct reach *analysis_reach(struct analysis *a);
struct types *analysis_types(struct analysis *a);
struct interior *analysis_interior(struct analysis *a);
struct origins *analysis_origins(struct analysis *a); /* needs no other stage */

#endif
