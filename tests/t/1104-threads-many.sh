#!/usr/bin/env bash
# threads: 64 threads and their backtraces take less than a second; of 3,000 threads each is told, and
# what it holds.
# alone: it measures time
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi
ok 'the victim builds' threads_build callers || exit 1
ok 'a kernel core of 70 threads appears' kernel_core core "$OUT/callers" abort 64 || exit 1
is 'all of them are told' "$(threads_of core -n 1 | wc -l)" 71
start=$EPOCHREALTIME
"$COREHEAP" threads core >text
end=$EPOCHREALTIME
ms=$(((${end/./} - ${start/./}) / 1000))
is 'each has a backtrace into the program' "$(grep -c ' in_sleep+' text)" 64
limit=1000
[ "${SAN:-0}" = 0 ] || limit=10000
note "$ms ms"
ok "it took less than $limit ms" test "$ms" -lt "$limit"
rm -f core

# 3,000: small stacks, so that the core is 0.8 GB, nearly all of it holes.
pids=$(cat /sys/fs/cgroup/pids.max 2>/dev/null || echo max)
if [ "$pids" != max ] && [ "$pids" -lt 4000 ]; then
	skip '3,000 threads' "this control group may have $pids processes"
	plan_done
fi
small()
{
	(ulimit -s 256 && kernel_core many "$OUT/callers" abort 3000)
}
ok 'a kernel core of 3,006 threads appears' small || exit 1
is 'all of them are told' "$(threads_of many -n 1 | wc -l)" 3007
"$COREHEAP" threads many >text
is 'each has a backtrace into the program' "$(grep -c ' in_sleep+' text)" 3000
# Each thread but the first has at least one block, its dtv, which its struct pthread points into.
exits 'no block is a leak' 0 "$COREHEAP" leaks many --fail-on 'leaked>0'
blocks=$("$COREHEAP" blocks many --format=csv --no-sites --state=used --reach=possible,reachable | wc -l)
ok "$((blocks - 1)) blocks are held, 3,005 at least" test "$blocks" -gt 3005
plan_done
