#!/usr/bin/env bash
# What malloc_trim(0) would return, as estimated from a core, is what it returned when the process called it.
. "$(dirname "$0")/../lib.sh"
need_cmd gcore python3
compile trim "$SRC/tests/victims/trim.c" || skip_all 'no compiler'

for kind in runs arenas top pinned threshold fastbins cached; do
	ok "$kind" python3 "$SRC/tests/ledger/trim.py" "$COREHEAP" ./trim "$kind"
	note "$(cat .ok.log)"
done
plan_done
