#!/usr/bin/env bash
# Blocks with a step of malloc's more than their struct needs, as they come into the place of larger
# ones: they do not speak against the type of those that fit; but where a struct begins with another
# one, pointers to the first part tell nothing of the whole.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

cat >prog.c <<'C'
#include <stdio.h>
#include <stdlib.h>

#define N 2000

struct thing {
	struct thing *next;
	long fill[16];
};
#ifdef LARGER
struct larger {
	struct thing first;
	long more[2];
};
struct larger *the_larger;
#endif

struct thing *things;

static void *filler[2 * N];

int main(void)
{
	for (int i = 0; i < 2 * N; i++)
		filler[i] = malloc(152);
	for (int i = 0; i < 2 * N; i += 2)
		free(filler[i]);
	for (int i = 0; i < 2 * N + 500; i++) {
		struct thing *t = calloc(1, sizeof(*t));

		t->next = things;
		things = t;
		printf("%p\n", (void *)t);
	}
	fflush(stdout);
	abort();
}
C
told()
{
	"$COREHEAP" blocks core --state used --format csv --no-sites | python3 -c '
import csv, sys
mine = {int(l, 16) for l in open("core.log") if l.startswith("0x")}
n = {}
for r in csv.DictReader(sys.stdin):
    if int(r["address"], 16) in mine:
        key = r["size"], r["type"] or "-"
        n[key] = n.get(key, 0) + 1
print(" ".join("%s:%s" % (k, "many" if v > 1500 else v) for k, v in sorted(n.items())))'
}
for flags in '-O0 -g' '-O2 -g'; do
	compile prog prog.c $flags
	kernel_core core "$OUT/prog"
	is "$flags: those that fit are told" "$(told)" "('136', 'thing'):many ('152', '-'):many"
	compile prog prog.c $flags -DLARGER
	kernel_core core "$OUT/prog"
	is "$flags: where another begins with it they are not" "$(told)" "('136', '-'):many ('152', '-'):many"
done
plan_done
