/*
 * usage: plan [--small] [--brk=free|blocked|foreign|odd] [--mallopt=PARAMETER:VALUE]...
 *             [--pause] TRUTH
 *
 * Plants every case, writes TRUTH, then raises SIGABRT, or with --pause stands still for gcore.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

static struct park end = PARK_NONE;
static volatile uint64_t below;

static NOINLINE void on_stack(const void *volatile *where)
{
	truth_group();
	where[0] = get(248, T_LIVE, "held-by-stack");
	where[1] = (char *)get(248, T_POSSIBLE, "held-by-stack-inside") + 8;
	below = hide(get(248, T_DEFINITE, "held-by-dead-stack"));
}

static NOINLINE void plant(bool small, const char *brk)
{
	plant_sizes();
	plant_shapes();
	plant_bulk(small ? 400 : 20000);
	plant_aligned();
	plant_statics();
	plant_interior();
	plant_mappings();
	plant_brk(brk);
	plant_mmapped();
	plant_realloc();
	plant_bulk(small ? 200 : 4000);
	threads_start(small);
	plant_tls("held-by-tls-of-main");
	plant_keys("held-by-key-of-main");
	park_plant(&end);
	loose_plant();
	threads_settle();
	loose_free();
	truth_free_all("bulk");
	truth_free_all("mmapped");
}

/* PARAMETER:VALUE, both numbers: malloc.h has M_MXFAST 1, M_TRIM_THRESHOLD -1 and so on. */
static NOINLINE void set(const char *what)
{
	char *colon;
	long parameter = strtol(what, &colon, 10);

	if (*colon != ':' || !mallopt((int)parameter, (int)strtol(colon + 1, NULL, 10)))
		die("--mallopt= takes a parameter and a value that mallopt knows");
}

int main(int argc, char **argv)
{
	const void *volatile held[2];
	const char *brk = "free", *path = NULL;
	bool small = false;

	lie_elsewhere(argv);
	end.action = PARK_DIE;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--small"))
			small = true;
		else if (!strcmp(argv[i], "--pause"))
			end.action = PARK_PAUSE;
		else if (!strncmp(argv[i], "--brk=", 6))
			brk = argv[i] + 6;
		else if (!strncmp(argv[i], "--mallopt=", 10))
			set(argv[i] + 10);
		else
			path = argv[i];
	}
	if (!path)
		die("usage: plan [--small] [--brk=HOW] [--mallopt=P:V] [--pause] TRUTH");
	/* the kernel's random bytes: of 32-bit numbers one in a thousand may be an address here */
	memset((void *)getauxval(AT_RANDOM), 0, 16);
	truth_open(small ? 8000 : 80000);
	get_open(small ? 8000 : 80000);
	plant(small, brk);
	on_stack(held);
	truth_write(path);
	scrub();
	leave_below(&below);
	park(&end);
	__asm__ volatile("" : : "r"(held) : "memory");
}
