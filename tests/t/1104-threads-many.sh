#!/usr/bin/env bash
# threads: 64 threads and their backtraces take less than a second.
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
plan_done
