#include "analyzer/origin.h"
#include "analyzer/thread_report.h"

#include <ctype.h>

#define NAMED 3 /* frames that a name is made of */

struct origins {
	struct analysis *a;
	struct exact exact;
	struct pool pool;
	/* by the stack's hash, open addressing; where the record is damaged, without an origin */
	struct known {
		uint64_t key; /* 0: empty */
		struct origin *origin;
	} * slot;
	size_t nslots, n;
	/* what is at a return address, by address: stacks have most of theirs in common */
	const struct report_frame **frame;
	size_t nframes, frames;
};

struct origins *origins_open(struct analysis *a)
{
	struct origins *o = mem_alloc(1, sizeof(*o));

	o->a = a;
	exact_find(a->core, &o->exact);
	o->nslots = 64;
	o->slot = mem_alloc(o->nslots, sizeof(*o->slot));
	o->nframes = 64;
	o->frame = mem_alloc(o->nframes, sizeof(*o->frame));
	return o;
}

void origins_close(struct origins *origins)
{
	if (!origins)
		return;
	exact_free(&origins->exact);
	mem_free(origins->slot);
	mem_free(origins->frame);
	pool_free(&origins->pool);
	mem_free(origins);
}

const struct exact *origins_exact(const struct origins *origins)
{
	return &origins->exact;
}

bool origins_all(const struct origins *origins)
{
	return origins->exact.found && !origins->exact.sampled && !origins->exact.lost;
}

void origins_warn(const struct origins *origins, struct report *report)
{
	const struct exact *e = &origins->exact;

	if (e->lost)
		report_warn(report, "sites-lost",
		            "the allocation sites of %llu blocks were not kept, as the region for "
		            "them was full\n  remedy: start the process with a higher "
		            "COREHEAP_SITES_MEMORY, or with COREHEAP_SITES=sampled",
		            (unsigned long long)e->lost);
	if (e->cut)
		report_warn(report, "sites-cut",
		            "of %llu allocations the caller alone was kept, as the room for stacks "
		            "was full\n  remedy: start the process with a higher "
		            "COREHEAP_SITES_MEMORY or a lower COREHEAP_SITES_DEPTH",
		            (unsigned long long)e->cut);
	if (e->bad_setting)
		report_warn(report, "sites-setting",
		            "the process was started with a setting of COREHEAP_SITES, "
		            "COREHEAP_SITES_MEMORY or COREHEAP_SITES_DEPTH that "
		            "libcoreheap_sites.so did not understand: it went by its default");
}

/* ---- which frame is the site ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* xmalloc, g_malloc0, PyMem_Calloc, av_strdup: they allocate for others. */
static bool is_wrapper(const char *function)
{
	static const char *const names[] = { "malloc", "calloc",  "realloc", "reallocarray",
		                             "strdup", "strndup", "memdup" };
	size_t n = strlen(function);

	while (n && (isdigit((unsigned char)function[n - 1]) || function[n - 1] == '_'))
		n--;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t k = strlen(names[i]);

		if (n >= k && !strncasecmp(function + n - k, names[i], k))
			return true;
	}
	return false;
}

/* Not the program's own code: libc, the C++ library and what of it is compiled into programs. */
static bool is_library(const struct report_frame *f)
{
	static const char *const modules[] = { "libc.so.", "libc-2.", "libstdc++.so", "libc++",
		                               "libcoreheap_sites.so" };
	static const char *const functions[] = { "operator new", "std::", "void std::",
		                                 "__gnu_cxx::", "void* std::" };

	for (size_t i = 0; f->module && i < sizeof(modules) / sizeof(*modules); i++)
		if (begins(base_name(f->module), modules[i]))
			return true;
	for (size_t i = 0; f->function && i < sizeof(functions) / sizeof(*functions); i++)
		if (begins(f->function, functions[i]))
			return true;
	return false;
}

static const struct report_frame *site_frame(const struct origin *o)
{
	const struct report_frame *own = NULL;

	for (size_t i = 0; i < o->n; i++) {
		if (is_library(&o->frame[i]))
			continue;
		if (!own)
			own = &o->frame[i];
		if (o->frame[i].function && !is_wrapper(o->frame[i].function))
			return &o->frame[i];
		if (!o->frame[i].function)
			break;
	}
	return own ? own : &o->frame[0];
}

/* ---- origins ---- */

static const char *text_of(struct origins *o, const struct report_site *s)
{
	const char *module = s->module ? base_name(s->module) : "?";

	if (s->function && s->file)
		return pool_printf(&o->pool, "%s (%s:%llu)", s->function, base_name(s->file),
		                   (unsigned long long)s->line);
	if (s->function)
		return pool_printf(&o->pool, "%s (%s+0x%llx)", s->function, module,
		                   (unsigned long long)s->offset);
	if (s->offset != ABSENT)
		return pool_printf(&o->pool, "%s+0x%llx", module, (unsigned long long)s->offset);
	return "code of no module";
}

static uint64_t name_of(const struct origin *o, const struct report_frame *site)
{
	uint64_t h = HASH_START;

	for (size_t i = (size_t)(site - o->frame), n = 0; i < o->n && n < NAMED; i++, n++) {
		const struct report_frame *f = &o->frame[i];

		h = hash_text(h, f->function ? f->function
		                 : f->module ? base_name(f->module)
		                             : NULL);
	}
	return hash_number(h, 0);
}

static size_t frame_slot(const struct origins *o, vaddr pc)
{
	size_t i = (size_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (o->nframes - 1);

	while (o->frame[i] && o->frame[i]->pc != pc)
		i = (i + 1) & (o->nframes - 1);
	return i;
}

static void grow_frames(struct origins *o)
{
	const struct report_frame **old = o->frame;
	size_t n = o->nframes;

	o->nframes *= 2;
	o->frame = mem_alloc(o->nframes, sizeof(*o->frame));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			o->frame[frame_slot(o, old[i]->pc)] = old[i];
	mem_free(old);
}

static const struct report_frame *frame_at(struct origins *o, vaddr pc)
{
	struct report_frame *f;
	size_t i;

	if (o->frames * 2 >= o->nframes)
		grow_frames(o);
	i = frame_slot(o, pc);
	if (!o->frame[i]) {
		f = pool_alloc(&o->pool, sizeof(*f));
		report_frame_name(o->a, pc, true, f);
		o->frame[i] = f;
		o->frames++;
	}
	return o->frame[i];
}

static struct origin *make(struct origins *o, const struct exact_stack *stack)
{
	struct origin *origin = pool_alloc(&o->pool, sizeof(*origin));
	struct report_frame *frame = pool_alloc(&o->pool, stack->n * sizeof(*frame));
	const struct report_frame *site;

	for (uint32_t i = 0; i < stack->n; i++)
		frame[i] = *frame_at(o, stack->pc[i]);
	*origin = (struct origin){ .key = stack->hash,
		                   .method = o->exact.sampled ? "sampled" : "exact",
		                   .frame = frame,
		                   .n = stack->n };
	site = site_frame(origin);
	origin->name = name_of(origin, site);
	origin->site = (struct report_site){ .function = site->function,
		                             .file = site->file,
		                             .module = site->module,
		                             .line = site->line,
		                             .offset = site->module_offset };
	origin->text = text_of(o, &origin->site);
	return origin;
}

static size_t slot_of(const struct origins *o, uint64_t key)
{
	size_t i = (size_t)(key >> 20) & (o->nslots - 1);

	while (o->slot[i].key && o->slot[i].key != key)
		i = (i + 1) & (o->nslots - 1);
	return i;
}

static void grow(struct origins *o)
{
	struct known *old = o->slot;
	size_t n = o->nslots;

	o->nslots *= 2;
	o->slot = mem_alloc(o->nslots, sizeof(*o->slot));
	for (size_t i = 0; i < n; i++)
		if (old[i].key)
			o->slot[slot_of(o, old[i].key)] = old[i];
	mem_free(old);
}

/* Two records of one stack, which a race of two threads can leave, have one origin. */
const struct origin *origin_of(struct origins *origins, vaddr block)
{
	uint32_t record = exact_record(&origins->exact, block);
	uint64_t key = record ? exact_key(&origins->exact, record) : 0;
	struct exact_stack stack;
	size_t i;

	if (!key)
		return NULL;
	if (origins->n * 2 >= origins->nslots)
		grow(origins);
	i = slot_of(origins, key);
	if (!origins->slot[i].key) {
		origins->slot[i].key = key;
		origins->n++;
		if (exact_stack(&origins->exact, record, &stack))
			origins->slot[i].origin = make(origins, &stack);
	}
	return origins->slot[i].origin;
}
