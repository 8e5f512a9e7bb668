#!/usr/bin/env bash
# Heads that differ only in how large their buffers are: one finding, with the fingerprint that one
# leak alone has; but two where there are two fixed sizes. What is told adds up to what is leaked.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

cat >prog.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *volatile sink;
static unsigned long seed = 1;

static unsigned rnd(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

static void *fill(size_t size, unsigned char with)
{
	void *p = malloc(size);

	return memset(p, with, size);
}

/* A head, and below it a buffer of numbers. */
static void leak(size_t head, size_t size)
{
	void **p = calloc(1, head);

	p[0] = fill(size, 7);
	sink = p;
}

__attribute__((noinline)) static void run(const char *how, int n)
{
	volatile char gap[16384];

	gap[0] = 1;
	for (int i = 0; i < n; i++) {
		if (strchr(how, 'v')) /* four near sizes, as bodies of requests may have */
			leak(40, 3000 + 96 * rnd(4));
		if (strchr(how, 'w')) /* any size */
			leak(72, 100 + rnd(60000));
		if (strchr(how, 'f')) /* two structs, or two calls */
			leak(104, i % 2 ? 1000 : 5000);
		if (strchr(how, 'n')) { /* an index of buffers, a table of those */
			void **table = calloc(1, 136), **index = calloc(1, 200);

			table[0] = index;
			for (int k = 0; k < 5; k++)
				index[k] = fill(500 + rnd(500), 7);
			sink = table;
		}
		if (strchr(how, 'l')) { /* a list of buffers, as long as it is */
			void **first = NULL;

			for (unsigned k = 0; k < 2 + rnd(6); k++) {
				void **node = calloc(1, 232);

				node[0] = first;
				node[1] = fill(300 + rnd(3000), 7);
				first = node;
			}
			sink = first;
		}
	}
	sink = NULL;
	gap[sizeof(gap) - 1] = 1;
}

__attribute__((noinline)) static void scrub(void)
{
	char pad[65536];

	memset(pad, 0, sizeof(pad));
	sink = pad;
	sink = NULL;
}

int main(int argc, char **argv)
{
	seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	run(argv[1], atoi(argv[2]));
	scrub();
	abort();
}
C
compile prog prog.c -fno-optimize-sibling-calls
kernel_core many "$OUT/prog" vwfnl 200
kernel_core other "$OUT/prog" vwfnl 100 5
kernel_core one "$OUT/prog" vwnl 1 7
for c in many other one; do
	"$COREHEAP" leaks $c --json >$c.json
done
cat >told.py <<'PY'
import json, sys
r = json.load(open(sys.argv[1] + ".json"))
leaks = [f for f in r["findings"] if f["kind"] == "leak"]
for size in map(int, sys.argv[2].split(",")):
    for f in sorted((f for f in leaks if f["size"] == size), key=lambda f: -f["blocks"]):
        print(*(f[key] for key in sys.argv[3].split(",")))
if sys.argv[2] == "0":
    t = r["leaks"]
    print(sum(f["bytes"] + f["held"]["bytes"] for f in leaks) + t["shared"]["bytes"]
          - t["definite"]["bytes"] - t["indirect"]["bytes"])
PY
told()
{
	python3 told.py "$@"
}
is 'buffers of four near sizes: one finding' "$(told many 40 blocks)" 200
like 'it tells the sizes' "$(told many 40 signature)" '^\{40\} -> \{30[0-9]+-3[23][0-9]+\}$'
is 'buffers of any size: one finding' "$(told many 72 blocks)" 200
is 'buffers of two sizes: two findings' "$(told many 104 blocks)" $'100\n100'
is 'each tells its size' "$(told many 104 signature | sort)" $'{104} -> {1000}\n{104} -> {5000}'
is 'buffers two pointers away' "$(told many 136 blocks)" 200
like 'are told with their sizes' "$(told many 136 signature)" '^\{136\} -> \{200\} -> \{[0-9]+-[0-9]+\}$'
is 'lists of buffers' "$(told many 232 blocks)" 200
is 'the same fingerprints in another run with other sizes' \
	"$(told many 40,72,104,136,232 fingerprint | sort)" "$(told other 40,72,104,136,232 fingerprint | sort)"
is 'and for the first leak of each kind' "$(told many 40,72,136 fingerprint)" \
	"$(told one 40,72,136 fingerprint)"
is 'all of them differ' "$(told many 40,72,104,136,232 fingerprint | sort | uniq -d)" ''
for c in many other one; do
	is "$c: heads, what they hold and what is shared are all that is leaked" "$(told $c 0 size)" 0
done
plan_done
