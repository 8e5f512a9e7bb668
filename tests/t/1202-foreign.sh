#!/usr/bin/env bash
# A process whose malloc is not glibc's gets told so, with the allocator's name; exit 0.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

lib=
for dir in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/local/lib; do
	[ -e "$dir/libjemalloc.so.2" ] && lib=$dir/libjemalloc.so.2
done
[ -n "$lib" ] || skip_all 'libjemalloc.so.2 is not installed'
why=$(core_forbidden) && skip_all "$why"

cat >prog.c <<'C'
#include <stdlib.h>
#include <string.h>
int main(void)
{
	for (int i = 0; i < 1000; i++)
		memset(malloc(100), 1, 100);
	abort();
}
C
"$CC" -o prog prog.c
ok 'a core comes' kernel_core "$OUT/core" /usr/bin/env LD_PRELOAD="$lib" "$OUT/prog"
exits 'summary exits with 0' 0 "$COREHEAP" core
like 'summary names jemalloc in its first lines' "$(head -n 2 stdout | tr '\n' ' ')" jemalloc
for command in leaks blocks arenas check; do
	exits "$command exits with 0" 0 "$COREHEAP" "$command" core
	like "$command names jemalloc" "$(cat stdout stderr)" jemalloc
done
for command in maps threads; do
	exits "$command exits with 0" 0 "$COREHEAP" "$command" core
done
"$COREHEAP" leaks core --json >report.json 2>/dev/null
python3 - <<'PY' >verdict.txt
import json
r = json.load(open("report.json"))
print(r["verdict"]["code"], r["process"]["allocator"], "leaks" in r, "in_use" in r["memory"])
PY
is 'JSON: foreign, by name, and what is unknown is absent' "$(cat verdict.txt)" \
	'foreign jemalloc False False'
exits 'not partial: --strict exits with 0' 0 "$COREHEAP" core --strict
exits '--fail-on in_use>0 is not decided by what is unknown' 0 "$COREHEAP" core --fail-on 'in_use>0'
plan_done
