/*
 * build: an index while it is made: what is known of each function that was read. Private to
 * index.
 */
#ifndef ANALYZER_CODE_BUILD_H
#define ANALYZER_CODE_BUILD_H

#include "analyzer/code/flow.h"
#include "analyzer/code/index.h"
#include "analyzer/code/pointer.h"
#include "analyzer/code/scan.h"

/* What a function does with its arguments. */
enum step_kind {
	STEP_STORE, /* something is stored into what `arg` points to */
	STEP_KEEP,  /* `arg` itself is stored somewhere else: tag tells where */
	STEP_CALL,  /* another function gets some of them */
};

struct step {
	uint8_t kind;  /* enum step_kind */
	uint8_t arg;   /* of this function */
	uint8_t from;  /* STEP_STORE: 1 + the argument whose value is stored; 0: store tells it */
	uint32_t call; /* STEP_CALL: into summary.calls */
	uint32_t at;   /* STEP_STORE: as a tag has it */
	union {
		struct site_store store; /* offset: from what the argument points to */
		struct site_tag tag;
	};
};

/* A call that gets arguments of the function that it is in. */
struct passing {
	uint64_t callee;
	struct value arg[FLOW_ARGS]; /* as that function knows them */
};

#define LIFTED_MOST    6
#define LIBRARY_ROUNDS 16 /* the most, and so of sites that stand behind each other */

enum summary_state { SUMMARY_NONE, SUMMARY_RUNNING, SUMMARY_DONE };

struct summary {
	enum summary_state state;
	struct site_allocator wrapper;        /* size ALLOCATOR_NONE: it is none */
	uint32_t returned;                    /* site whose block it returns; SITE_NONE: none */
	uint32_t returned_inside;             /* site whose block it returns an address inside of */
	int64_t returned_scale, inside_scale; /* other sites of these, as values have them */
	int32_t returned_add;
	uint32_t round; /* when it was read last */
	uint8_t same;   /* 1 + the argument that it returns; 0: none */
	bool fills;     /* it stores into blocks at places that are not told */
	bool library;   /* a template of the C++ library: its callers are the sites */
	bool named;     /* an allocator by its name: the same, whatever it fills the block with */
	uint8_t nsites;
	uint32_t site[LIFTED_MOST]; /* the first in it that its callers stand for */
	uint32_t asked;             /* site that makes it a wrapper */
	ARRAY(struct step) steps;
	ARRAY(struct passing) calls;
};

struct pending_store {
	uint32_t site, order;
	uint32_t reader, round; /* function that was read, and when */
	uint32_t before;        /* 1 + the site's store before this one; 0: none */
	struct site_store store;
};

struct pending_tag {
	uint32_t site;
	uint32_t reader, round;
	struct site_tag tag;
};

struct pending_asked {
	uint32_t reader, round;
	struct site_asked is;
};

/* The site stands for one that is in a function that it calls. */
struct lifted {
	uint32_t site, inner;
	uint32_t reader, round;
	uint32_t level; /* inner ones that are behind each other */
	bool sized;     /* its call tells the size */
};

/* A variable that holds the address of an allocator. */
struct held {
	uint64_t at;
	vaddr target;
	bool own; /* the allocator is of this module */
	struct site_allocator is;
};

struct builder {
	struct functions *functions;
	struct code_decoder *decoder;
	const struct site_others *others;
	struct site_limits *limits;
	struct flow_limits flow;
	struct summary **summary; /* by function; NULL: never read */
	uint64_t *callers;        /* bit by function: it calls an allocator that is known */
	uint32_t round;           /* functions are read again when more allocators are known */
	unsigned depth;
	uint32_t reader; /* function that is being read */
	ARRAY(struct site_entry) sites;
	ARRAY(uint32_t) last_store; /* by site: 1 + its last store */
	ARRAY(struct lifted) lifted;
	uint32_t *site_of; /* open addressing by call: 1 + site */
	size_t site_cap;
	ARRAY(struct pending_store) stores;
	ARRAY(struct pending_tag) tags;
	ARRAY(struct pending_asked) asked;
	ARRAY(struct held) held;
	uint64_t *kept;           /* where those are, sorted */
	struct site_held *member; /* members of structs that hold one: at is their offset */
	size_t nmembers;
	bool partial;
};

/* Reads what there is to be read. False: nothing asks for a block. */
bool builder_run(struct builder *b);
void builder_free(struct builder *b);

/* The function of this index is read, if it was not in this round. Bounded in depth. */
struct summary *builder_summary(struct builder *b, size_t function);

/* sink.c: what a flow comes across goes into the builder. */
#define STREAMS_MOST 4

struct builder_sink {
	struct flow_sink sink;
	struct builder *b;
	struct summary *summary;
	uint64_t function;
	struct {
		uint32_t file;      /* site of the FILE */
		struct value where; /* what the address of its buffer is stored to */
	} stream[STREAMS_MOST];
	unsigned nstreams;
};
struct flow_sink *builder_sink(struct builder *b, struct summary *summary, uint64_t function,
                               struct builder_sink *mem);

/* The allocator that is called so, in this module or another. */
bool builder_allocator(struct builder *b, const struct flow_call *call, struct site_allocator *out);

/* An allocator of another module, or a library's, by its name. */
bool builder_named(const struct builder *b, const char *name, struct site_allocator *out);

/* held.c: is what is called held by a variable or member that holds an allocator's address? */
bool builder_held(const struct builder *b, const struct flow_call *call,
                  struct site_allocator *out);

/*
 * Variables that hold the address of an allocator of other modules, or (starts not NULL) of one of
 * these functions, join the held ones and set; functions that may call one by way of a member are
 * marked in bits.
 */
void builder_hold(struct builder *b, const struct scan_set *starts, struct scan_set *set,
                  uint64_t *bits);

/* Was what came of reading a function then not replaced by a later reading? */
bool builder_valid(const struct builder *b, uint32_t reader, uint32_t round);

void builder_store(struct builder *b, uint32_t site, const struct site_store *store);

/* The site of a call, or its k-th; SITE_NONE: there are too many. */
uint32_t builder_site(struct builder *b, uint64_t call, unsigned k, uint64_t function);

/* lift.c: sites that stand for others become like them. Once, at the end. */
void builder_lift(struct builder *b);

/* The address of the site's block, or one inside it, is stored there. */
void builder_tag(struct builder *b, const struct value *block, uint32_t site, struct site_tag tag);

/* As a store of this value would be kept: the offset, in bytes, and the width. */
struct site_store builder_store_of(int64_t offset, unsigned width, const struct value *v);

/* ask.c: how large the site's blocks are. */
void builder_size(struct site_entry *e, const struct site_allocator *is,
                  const struct flow_call *call);
/* What this call tells its callee, which returns the site's block, to ask for. */
void builder_asked(struct builder *b, uint32_t site, const struct flow_call *call);
/* Is the block as large as arguments of its function say? Then that may be a wrapper; else size
 * ALLOCATOR_NONE. */
void builder_wrapper(const struct site_allocator *is, const struct flow_call *call,
                     struct site_allocator *wrapper);

/* splice.c: what callees do with arguments. Stores to blocks that a call hands on become the
 * blocks' sites', and so does where it puts their addresses. */
void builder_pass(struct builder *b, struct summary *summary, const struct flow_call *call,
                  uint64_t callee);
void builder_keep_step(struct summary *summary, const struct step *step);

#define OFFSET_MOST (1 << 16) /* of stores that are kept */

#endif
