#include "analyzer/site/origin.h"
#include "analyzer/process/thread_report.h"
#include "formats/idmap.h"

#include <ctype.h>

#define NAMED 3 /* frames that a name is made of */

struct origins {
	struct analysis *a;
	struct exact exact;
	struct pool pool;
	/* by the stack's hash; NULL where the record is damaged */
	struct idmap by_hash;
	ARRAY(const struct origin *) made;
	/* by return address: stacks have most of theirs in common */
	struct idmap by_pc;
	ARRAY(const struct report_frame *) frames;
};

struct origins *origins_open(struct analysis *a)
{
	struct origins *o = mem_alloc(1, sizeof(*o));

	o->a = a;
	exact_find(a->core, &o->exact);
	return o;
}

void origins_close(struct origins *origins)
{
	if (!origins)
		return;
	exact_free(&origins->exact);
	idmap_free(&origins->by_hash);
	array_free(&origins->made);
	idmap_free(&origins->by_pc);
	array_free(&origins->frames);
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

static const struct report_frame *frame_at(struct origins *o, vaddr pc)
{
	uint32_t i = idmap_get(&o->by_pc, pc);
	struct report_frame *f;

	if (i != IDMAP_NONE)
		return o->frames.v[i];
	f = pool_alloc(&o->pool, sizeof(*f));
	report_frame_name(o->a, pc, true, f);
	idmap_put(&o->by_pc, pc, (uint32_t)o->frames.n);
	array_push(&o->frames, f);
	return f;
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

/* Two records of one stack, which a race of two threads can leave, have one origin. */
const struct origin *origin_of(struct origins *origins, vaddr block)
{
	uint32_t record = exact_record(&origins->exact, block);
	uint64_t key = record ? exact_key(&origins->exact, record) : 0;
	struct exact_stack stack;
	const struct origin *made;
	uint32_t i;

	if (!key)
		return NULL;
	i = idmap_get(&origins->by_hash, key);
	if (i != IDMAP_NONE)
		return origins->made.v[i];
	made = exact_stack(&origins->exact, record, &stack) ? make(origins, &stack) : NULL;
	idmap_put(&origins->by_hash, key, (uint32_t)origins->made.n);
	array_push(&origins->made, made);
	return made;
}
