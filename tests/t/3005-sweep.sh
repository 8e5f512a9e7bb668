#!/usr/bin/env bash
# More blocks at once than the marker's stack holds: it sweeps over the heap. Blocks that only a mmapped
# block holds, the last of the heap by address, are reached then, too.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
cat >sweep.c <<'C'
#include <stdlib.h>
#define MANY 100000
#define HELD 300
static void *volatile many[MANY], **volatile table, *volatile lost;
int main(void)
{
	for (int i = 0; i < MANY; i++)
		many[i] = calloc(1, 24);
	table = calloc(300000, 1);
	for (int i = 0; i < HELD; i++)
		table[i * 100] = calloc(1, 40);
	lost = calloc(1, 1000);
	lost = NULL;
	abort();
}
C
ok 'the program builds' "$CC" -O1 -o sweep sweep.c
ok 'its core appears' kernel_core sweep.core "$PWD/sweep"
for threads in 1 2; do
	"$COREHEAP" blocks --threads "$threads" --format=csv --no-sites sweep.core >blocks.csv
	is "$threads threads: what only the table holds is reachable" \
		"$(awk -F, '$2 == 40 && $4 == "reachable"' blocks.csv | wc -l)" 300
	is "$threads threads: nothing else but the lost one may be lost" \
		"$(awk -F, '$3 == "used" && $4 != "reachable" && $2 != 1000' blocks.csv | wc -l)" 0
done
plan_done
