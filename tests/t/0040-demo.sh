#!/usr/bin/env bash
# The demo, as a user runs it; what it says is compared with what its clients did.
. "$(dirname "$0")/../lib.sh"
need_cmd gcore
"$SRC/tests/demo/run" "$COREHEAP" "$OUT" >"$OUT/demo.log" 2>&1
is 'the demo succeeds' $? 0 || note "$(tail -n 40 "$OUT/demo.log")"
said=$(cat "$OUT/demo.log")

# Each hung up client leaks one request (its head) with a key and a body.
check()
{
	local kind=$1 lost=$2 core=$OUT/demo/core.$1
	"$COREHEAP" blocks "$core" --format=csv >"$OUT/$kind.csv"
	is "$kind: definite are the requests" "$(grep -c ',definite,' "$OUT/$kind.csv")" "$lost"
	is "$kind: indirect are keys and bodies" "$(grep -c ',indirect,' "$OUT/$kind.csv")" $((lost * 2))
}

hung_up=$(sed -n 's/.* sessions, \([0-9]*\) of them hung up.*/\1/p' <<<"$said" | head -n 1)
like 'clients hung up' "$hung_up" '^[1-9][0-9]*$'
if reason=$(core_forbidden); then
	skip 'kernel core' "$reason"
	like 'the demo says why there is no kernel core' "$said" '^Not here: '
else
	check kernel "$hung_up"
fi
if [ -f "$OUT/demo/core.gcore" ]; then
	check gcore "$hung_up"
else
	skip 'gcore snapshot' "$(grep -m 1 'gcore failed' <<<"$said")"
fi
plan_done
