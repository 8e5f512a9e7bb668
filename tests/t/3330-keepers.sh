#!/usr/bin/env bash
# Which block most of the memory in use hangs on, which root holds it, and where it accumulates: as
# the program says.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

cat >prog.c <<'C'
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct { long hits, misses, limit; void *first; } g_cache;

static pthread_barrier_t ready;
static size_t blocks, bytes;
static int nodes = 1000; /* of the list */

static void **get(size_t size)
{
	void **p = calloc(1, size);

	blocks++;
	bytes += malloc_usable_size(p);
	return p;
}

/* A chain of three, then a table of 2000 entries, each with a body. In a thread that ends, so that
 * nothing is left of its pointers. */
static void *fill_cache(void *unused)
{
	void **a = get(100), **b = get(200), **table = get(2000 * sizeof(void *));

	(void)unused;
	g_cache.first = a;
	a[5] = b;
	b[7] = table;
	for (int i = 0; i < 2000; i++) {
		void **entry = get(48);

		table[i] = entry;
		entry[0] = get(500);
		entry[1] = table; /* back */
	}
	printf("cache %p %zu %zu\n", (void *)a, blocks, bytes);
	for (int i = 0; i < 3; i++) { /* down the chain, which is little of it */
		if (i < 2)
			bytes -= malloc_usable_size(i ? b : a);
	}
	printf("point %p %zu %zu\n", (void *)table, blocks - 2, bytes);
	return NULL;
}

/* A list that only this thread's stack holds. */
static void *serve(void *unused)
{
	void **volatile list = NULL;

	(void)unused;
	blocks = bytes = 0;
	for (int i = 0; i < nodes; i++) {
		void **next = get(nodes > 1000 ? 24 : 400);

		next[0] = list;
		list = next;
	}
	printf("list %p %zu %zu\n", (void *)list, blocks, bytes);
	fflush(stdout);
	pthread_barrier_wait(&ready);
	for (;;)
		pthread_barrier_wait(&ready); /* nobody comes */
	return (void *)list;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	nodes = argc > 1 ? atoi(argv[1]) : nodes;
	setvbuf(stdout, NULL, _IONBF, 0);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_create(&thread, NULL, fill_cache, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, serve, NULL);
	pthread_barrier_wait(&ready);
	abort();
}
C
compile prog prog.c
kernel_core core "$OUT/prog"
"$COREHEAP" summary core --json >report.json
cat >told.py <<'PY'
import json, sys
for k in json.load(open(sys.argv[1]))["keepers"]:
    print(k["address"], k["retained"]["blocks"], k["retained"]["bytes"])
    print(k["accumulates"]["address"], k["accumulates"]["retained"]["blocks"],
          k["accumulates"]["retained"]["bytes"])
PY
python3 told.py report.json >told
is 'what the cache retains, and its table' "$(head -n 2 told)" "$(sed -n 's/cache //p; s/point //p' core.log)"
is 'what the list retains, which accumulates nowhere' "$(sed -n 3,4p told | uniq)" \
	"$(sed -n 's/list //p' core.log)"
python3 - report.json >roots <<'PY'
import json, sys
for k in json.load(open(sys.argv[1]))["keepers"]:
    print(k["held_by"], k["steps"])
PY
like 'the root of the cache by its name' "$(head -n 1 roots)" '^g_cache(\.first|\+0x18) in .*/prog \((bss|data)\) 1$'
like 'the root of the list: whose stack, which frame' "$(sed -n 2p roots)" \
	'^stack of thread [0-9]+, in the frame of serve.* 1$'
like 'the summary tells of it' "$("$COREHEAP" summary core)" \
	'^ +1\.08 MiB +4,003 +[0-9]+% +0x[0-9a-f]+ +g_cache.*; most of it hangs on 0x'
is 'what the table is split into' "$(python3 -c '
import json
p = json.load(open("report.json"))["keepers"][0]["accumulates"]
print(p["parts"], *p["most_of_them"].values())')" "2000 56 2000 $((2000 * (56 + 504)))"
like 'the summary tells of that, too' "$("$COREHEAP" summary core)" ', 2,000 blocks of 56 B with what hangs on them$'

# More blocks than a summary looks at unless it is told to.
kernel_core big "$OUT/prog" 250000
"$COREHEAP" summary big --json >quick.json
not_ok 'left out where there are many blocks' grep -q '"keepers"' quick.json
like 'the summary says how to get it' "$("$COREHEAP" summary big)" 'summary --retained big$'
"$COREHEAP" summary --retained big --json >report.json
python3 told.py report.json >told
is 'with --retained: what the list retains' "$(head -n 1 told)" "$(sed -n 's/list //p' big.log)"
is 'what the cache retains, and its table' "$(sed -n 3,4p told)" \
	"$(sed -n 's/cache //p; s/point //p' big.log)"
plan_done
