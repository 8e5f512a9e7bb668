#!/usr/bin/env bash
# What is told beyond the verdict (holders, which pointers into the middle are meant) is looked for
# where that is quick, and else when it is asked for: by how many blocks there are, and pointers.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

cat >prog.c <<'C'
#include <stdlib.h>

#define BLOCKS 64
#define WORDS  131072

void ***table;
char *middle[50];

/* Blocks full of pointers to each other, or of numbers; 50 are kept by their middle. */
int main(int argc, char **argv)
{
	(void)argv;
	table = malloc(BLOCKS * sizeof(*table));
	for (int i = 0; i < BLOCKS; i++) {
		table[i] = malloc(WORDS * sizeof(void *));
		for (int j = 0; j < WORDS; j++)
			table[i][j] = argc > 1 ? (void *)table[j % (i + 1)] : (void *)(size_t)j;
	}
	for (int i = 0; i < 50; i++)
		middle[i] = (char *)malloc(200) + 48;
	abort();
}
C
ok 'the program builds' "$CC" -O1 -o prog prog.c
ok 'a core full of numbers' kernel_core numbers "$PWD/prog"
ok 'a core full of pointers' kernel_core pointers "$PWD/prog" pointers

# told CORE OPTION...: blocks with holders, possible blocks, those kept on purpose.
told()
{
	"$COREHEAP" summary --json "$@" | python3 -c 'if True:
		import json, sys
		r = json.load(sys.stdin)
		leaks = r["leaks"]
		print(len(r.get("keepers", [])) > 0, leaks["possible"]["blocks"],
		      leaks.get("structural", {}).get("blocks"))'
}
is 'few pointers: all is told' "$(told numbers)" 'True 50 50'
is 'many: what is quick' "$(told pointers)" 'False 50 None'
is 'many: what is asked for' "$(told pointers --retained)" 'True 50 None'
ok 'and the way to ask is told' sh -c '"$COREHEAP" pointers | grep -q -- "summary --retained"'
plan_done
