#!/usr/bin/env bash
# The demo, as a user runs it; what it says is compared with what its clients did.
. "$(dirname "$0")/../lib.sh"
need_cmd gcore
"$SRC/tests/demo/run" "$COREHEAP" "$OUT" >"$OUT/demo.log" 2>&1
is 'the demo succeeds' $? 0 || note "$(tail -n 40 "$OUT/demo.log")"
said=$(cat "$OUT/demo.log")

# between DESC GOT LOW HIGH
between()
{
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ]
	result $? "$1" || note "$2 is not within $3 to $4"
}

# Each hung up client leaks one request, the head of its key and its body. Never more; and less only
# by what stale words point into (registers, the red zone): two requests a worker at most.
check()
{
	local kind=$1 lost=$2 core=$OUT/demo/core.$1
	"$COREHEAP" blocks "$core" --format=csv >"$OUT/$kind.csv"
	between "$kind: definite are the requests" "$(grep -c ',definite,' "$OUT/$kind.csv")" \
		$((lost - 16)) "$lost"
	between "$kind: indirect are keys and bodies" "$(grep -c ',indirect,' "$OUT/$kind.csv")" \
		$((2 * (lost - 16))) $((2 * lost))
	between "$kind: at most a few are possible" "$(awk -F, '$4 == "possible" && $2 != 296' \
		"$OUT/$kind.csv" | wc -l)" 0 48
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
