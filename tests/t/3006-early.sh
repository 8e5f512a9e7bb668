#!/usr/bin/env bash
# A heap of several parts, marked while it is walked, as is done with a core that does not fit into
# memory: the verdicts are those of a walk and a mark behind it. test_early.c compares the two.
. "$(dirname "$0")/../lib.sh"

[ -n "$UNIT" ] || skip_all 'the unit programs are not built: make check builds them'
if reason=$(core_forbidden); then
	skip_all "$reason"
fi
ok 'the program builds' "$CC" -O2 -pthread -o bigheap "$SRC/tests/bench/bigheap.c"
for kind in local random; do
	ok "$kind: its core appears" kernel_core "$kind.core" "$PWD/bigheap" 120000 3000 "$kind"
	ok "$kind: marked in the walk, with 1, 2 and 3 threads" "$UNIT/test_early" "$kind.core"
done
plan_done
