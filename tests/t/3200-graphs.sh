#!/usr/bin/env bash
# Big graphs of shapes that a mark can stumble over: every block's verdict is what the program that
# made them declares, whatever the number of threads that analyze it.
. "$(dirname "$0")/../lib.sh"
reason=$(core_forbidden) && skip_all "$reason"
n=150000
[ "${SAN:-0}" = 0 ] || n=30000

"$CC" -O1 -g -Wall -Wextra -pthread -o graphs "$SRC/tests/bench/graphs.c"
for kind in random local list star arrays threads; do
	kernel_core core "$OUT/graphs" $kind $n 40 print
	LC_ALL=C sort core.log >truth
	for threads in 1 2 5; do
		"$COREHEAP" blocks core --threads $threads --format csv |
			awk -F, 'NR > 1 { print $1 " " $4 }' | LC_ALL=C sort >found.$threads
		is "$kind, $threads threads: blocks with another verdict than declared" \
			"$(LC_ALL=C comm -23 truth found.$threads | wc -l)" 0
	done
	is "$kind: two threads find what one does" "$([ -s found.1 ] && cmp found.1 found.2 && echo same)" same
	# glibc keeps up to 40 MiB of exited threads' stacks, and their thread-local storage with them
	others=$(LC_ALL=C comm -13 truth found.1 | grep -c 'definite\|indirect')
	ok "$kind: others called leaked: $others, at most those of five stacks" [ "$others" -le 5 ]
done
plan_done
