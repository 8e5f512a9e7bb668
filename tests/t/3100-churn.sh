#!/usr/bin/env bash
# churn: a program that does nothing but allocate, resize and free, in one thread and in many, with
# malloc's settings varied, caught in the middle of it; and in a forked child of many threads.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
TRUTH_BLOCKS=150

"$CC" -O1 -g -Wall -Wextra -pthread -o churn "$HERE/churn.c"
seed=1
for settings in '' glibc.malloc.tcache_count=0 glibc.malloc.arena_max=1 \
	glibc.malloc.mmap_threshold=4096 glibc.malloc.tcache_count=100; do
	for threads in 1 5; do
		export TRUTH_TUNABLES=$settings
		truth "churn-$threads-${settings##*.}" $((seed % 3 * 25)) ready "$OUT/churn" "$seed" "$threads" ready
		seed=$((seed + 1))
	done
done
export TRUTH_TUNABLES=
for seed in 31 32; do
	truth "churn-child-$seed" 20 ready "$OUT/churn" "$seed" 5 ready fork
done
plan_done
