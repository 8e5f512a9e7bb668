#!/usr/bin/env bash
# The state of glibc's random generator is not in any kernel's core, and no root is missing with it.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
if why=$(core_forbidden); then
	skip_all "$why"
fi
ok 'the victim builds' compile victim "$SRC/tests/hosts/getrandom.c" || exit 1
verdict()
{
	"$COREHEAP" leaks "$1" --json | python3 -c '
import json, sys
r = json.load(sys.stdin)
print(r["verdict"]["code"], r["leaks"]["definite"]["blocks"],
      *(w["code"] for w in r["input"]["warnings"]))'
}
for how in states few odd lost; do
	ok "$how: a kernel core appears" kernel_core "$how.core" "$OUT/victim" "$how" || exit 1
done
is 'states: nothing is missing, and the leak is told' "$(verdict states.core)" 'leaks 1'
for how in few odd lost; do
	is "$how: anything could have been there" "$(verdict "$how.core")" 'withheld 0 roots-missing'
done
plan_done
