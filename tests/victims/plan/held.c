/* Live blocks by what holds them, and blocks held only by an interior pointer. */
#define _GNU_SOURCE
#include "plan.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const void *volatile in_bss;
static const void *volatile in_data = "";
static const void *volatile inside_start, *volatile inside_last, *volatile inside_chain;
static const void *volatile inside_and_start[2], *volatile inside_ring, *volatile inside_large;

/* Where the processor does not look at a pointer's top byte, one with a tag there holds. */
#if defined(__aarch64__)
static const void *volatile in_tagged[2];

static NOINLINE void plant_tagged(void)
{
	char *p = get(72, T_LIVE, "held-by-tagged");
	char *q = get(72, T_POSSIBLE, "held-by-tagged-inside");

	in_tagged[0] = p + (UINT64_C(0x5a) << 56);
	in_tagged[1] = q + 24 + (UINT64_C(0xff) << 56);
}
#else
static void plant_tagged(void)
{
}
#endif

NOINLINE void plant_statics(void)
{
	void *p;

	truth_group();
	in_bss = get(40, T_LIVE, "held-by-bss");
	in_data = get(40, T_LIVE, "held-by-data");
	plant_tagged();
	for (int i = 0; i < 3; i++) {
		p = get(56, T_LIVE, "held-through-data");
		put(p, 0, (const void *)in_data);
		in_data = p;
	}
	/* a holder that is a mapping of its own, and one of size 0 */
	p = get_kept(260000, "mmapped-holder");
	put(p, 259992, get(40, T_LIVE, "held-by-mmapped"));
	put(p, 4096, get(0, T_LIVE, "held-of-size-0"));
	p = get_kept(24, "holder");
	put(p, 16, get(180000, T_LIVE, "mmapped-held-by-last-word"));
}

NOINLINE void plant_interior(void)
{
	char *p;
	void *q;

	truth_group();
	p = get(104, T_POSSIBLE, "interior");
	inside_start = p + 8;
	p = get(104, T_POSSIBLE, "interior-last-byte");
	inside_last = p + 103;
	/* what a possible block holds by its start is possible, too */
	p = get(104, T_POSSIBLE, "interior-chain");
	inside_chain = p + 96;
	q = get(40, T_POSSIBLE, "interior-chain");
	put(p, 0, q);
	put(q, 0, get(40, T_POSSIBLE, "interior-chain"));
	/* a start pointer anywhere settles it */
	p = get(200, T_LIVE, "interior-and-start");
	inside_and_start[0] = p + 16;
	inside_and_start[1] = p;
	/* the interior pointer in the middle of the chain */
	q = get_kept(40, "holder-of-interior");
	p = get(72, T_POSSIBLE, "interior-in-chain");
	put(q, 8, p + 40);
	/* a cycle that is held from the inside */
	p = get(56, T_POSSIBLE, "interior-ring");
	q = get(56, T_POSSIBLE, "interior-ring");
	put(p, 0, q);
	put(q, 0, p);
	inside_ring = p + 24;
	p = get(220000, T_POSSIBLE, "interior-mmapped");
	inside_large = p + 100000;
}

static NOINLINE char *map(size_t bytes, int flags, int fd)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

NOINLINE void plant_mappings(void)
{
	int fd;
	char *p;

	truth_group();
	p = map(16384, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	put(p, 16376, get(40, T_LIVE, "held-by-anonymous"));
	p = map(8192, MAP_SHARED | MAP_ANONYMOUS, -1);
	put(p, 4096, get(40, T_LIVE, "held-by-shared-anonymous"));
	fd = (int)syscall(SYS_memfd_create, "victim", 0); /* the function came with glibc 2.27 */
	if (fd >= 0 && !ftruncate(fd, 4096)) {
		p = map(4096, MAP_SHARED, fd);
		put(p, 8, get(40, T_LIVE, "held-by-memfd"));
	}
	if (fd >= 0)
		close(fd);
}
