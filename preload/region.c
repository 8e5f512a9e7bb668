/* The mapping: how big its parts are, what of it is accessible. */
#include "preload/intern.h"
#include "preload/map.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41 /* linux/prctl.h since Linux 5.17 */
#define PR_SET_VMA_ANON_NAME 0
#endif

#define PAGE        65536u /* the largest page of the machines: parts begin at its multiples */
#define MEMORY_MIN  (UINT64_C(1) << 20)
#define RECORDS_MAX ((UINT64_C(1) << SITES_ID_BITS) * SITES_GRANULE)
#define SEGMENT     ((uint64_t)SITES_SEGMENT * 8) /* bytes */

struct sites sites;
__thread struct sites_thread sites_thread;

/* What `memory` bytes are divided into. */
static void divide(struct sites_header *h, uint64_t memory)
{
	uint64_t records = memory / 4, index;

	if (records > RECORDS_MAX)
		records = RECORDS_MAX;
	records -= records % PAGE;
	for (h->levels_max = 1; h->levels_max < INTERN_LEVELS; h->levels_max++) {
		if (intern_level(h->levels_max + 1) * 8 > records / 4)
			break;
	}
	index = (intern_level(h->levels_max) * 8 + PAGE - 1) / PAGE * PAGE;
	h->segments_max = (uint32_t)((memory - records - index) / SEGMENT);
	h->header_bytes = sizeof(*h);
	h->reach = sizeof(*h);
	h->index = (h->reach + h->segments_max + PAGE - 1) / PAGE * PAGE;
	h->records = h->index + index;
	h->records_size = records;
	h->map = h->records + records;
}

bool sites_open_more(uint64_t from, uint64_t to)
{
	int saved = errno;
	bool done;

	from -= from % PAGE;
	to = (to + PAGE - 1) / PAGE * PAGE;
	done = !mprotect((char *)sites.header + from, to - from, PROT_READ | PROT_WRITE);
	if (done) /* the rest is left out of cores: gdb would write it as zeroes */
		madvise((char *)sites.header + from, to - from, MADV_DODUMP);
	errno = saved;
	return done;
}

/* The number of a record is never 0: nothing is kept in the first granules. */
static bool open_parts(struct sites_header *h)
{
	h->levels = 1;
	h->records_open = PAGE;
	h->records_used = SITES_GRANULE;
	h->segments_open = 1;
	h->segments = 1;

	return sites_open_more(h->index, h->index + PAGE) &&
	       sites_open_more(h->records, h->records + PAGE) &&
	       sites_open_more(h->map, h->map + SEGMENT);
}

static void describe(struct sites_header *h, const struct sites_settings *s, uint64_t end)
{
	h->version = SITES_VERSION;
	h->self = (uintptr_t)h;
	h->end = end;
	h->pid = (uint64_t)syscall(SYS_getpid);
	h->mode = s->mode;
	h->flags = s->bad ? SITES_BAD_SETTING : 0;
	h->depth = s->depth;
	h->id_bits = SITES_ID_BITS;
	h->rate = s->mode == SITES_SAMPLED ? s->rate : 0;
}

static bool try_open(const struct sites_settings *s, uint64_t memory)
{
	struct sites_header form, *h;
	uint64_t size;
	char *at;

	memset(&form, 0, sizeof(form));
	divide(&form, memory);
	size = PAGE + form.map + form.segments_max * SEGMENT;
	at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	h = (struct sites_header *)(void *)(at + PAGE);
	if (mprotect(h, form.index, PROT_READ | PROT_WRITE)) {
		munmap(at, size);
		return false;
	}
	*h = form;
	describe(h, s, (uintptr_t)at + size);
	sites = (struct sites){ .header = h,
		                .reach = (uint8_t *)h + h->reach,
		                .index = (uint64_t *)(void *)((char *)h + h->index),
		                .records = (char *)h + h->records,
		                .map = (uint64_t *)(void *)((char *)h + h->map),
		                .mode = s->mode,
		                .depth = s->depth };
	madvise(at, size, MADV_DONTDUMP);
	madvise(h, form.index, MADV_DODUMP);
	/* names are kept by kernels that were built for it (CONFIG_ANON_VMA_NAME) */
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, size, "coreheap-sites");
	if (!open_parts(h)) {
		sites.header = NULL;
		munmap(at, size);
		return false;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(h->magic, SITES_MAGIC, sizeof(h->magic));
	return true;
}

void sites_region_open(void)
{
	struct sites_settings s;
	int saved = errno;

	sites_settings_read(&s);
	for (uint64_t m = s.memory; m >= MEMORY_MIN && !try_open(&s, m);)
		m = m / 2 < MEMORY_MIN && m > MEMORY_MIN ? MEMORY_MIN : m / 2;
	errno = saved;
}
