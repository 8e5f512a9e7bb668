#!/usr/bin/env bash
# explain: a thousand random addresses of each kind in a program under the recorder: what is said
# must not contradict the recorder, /proc/PID/maps of that moment, or the symbol table.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd nm
TRUTH_BLOCKS=150

"$CC" -O1 -g -Wall -Wextra -pthread -o churn "$HERE/churn.c"
mkdir run
(
	cd run || exit
	export REC_HOLD=exit
	recorded 25 "$OUT/churn" 7 5 ready
) >run/log 2>&1 </dev/null &
pid=$!
ok 'two cores of one moment' "$HERE/dump.py" "$pid" "$OUT/run" "$OUT/run/ready"
for core in gcore kernel; do
	[ -f "run/$core" ] || { skip "$core: nothing is contradicted" 'no such core'; continue; }
	"$TRUTH/refmark" "run/$core" >"run/$core.ref" 2>"run/$core.log"
	ok "$core: nothing is contradicted" python3 "$HERE/anywhere.py" "$COREHEAP" "run/$core" \
		"run/$core.ref" run/maps "$OUT/churn" 1000
done
kill -KILL "$pid" 2>/dev/null
plan_done
