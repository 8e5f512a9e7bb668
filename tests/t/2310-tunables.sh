#!/usr/bin/env bash
# Every knob of malloc's, and address spaces laid out otherwise: the victim's blocks, one by one.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
. "$SRC/tests/victims/replay.sh"
reason=$(core_forbidden) && skip_all "$reason"

# run NAME LINK TUNABLES [--wrap FLAG-OF-SETARCH] OPTION...
run()
{
	local name=$1 link=$2 tunables=$3 wrap=()
	shift 3
	if [ "${1:-}" = --wrap ]; then
		wrap=(setarch "$2")
		shift 2
	fi
	rm -f "$OUT/core" "$OUT/truth"
	kernel_core "$OUT/core" env ${tunables:+GLIBC_TUNABLES="$tunables"} "${wrap[@]}" \
		"$OUT/plan-$link" --small "$@" "$OUT/truth" ||
		{ result 1 "$name: a kernel core"; return; }
	replay "$name" "$OUT/core" "$OUT/truth"
}

build_all plan_build

# M_MXFAST 1, M_TRIM_THRESHOLD -1, M_TOP_PAD -2, M_MMAP_THRESHOLD -3, M_MMAP_MAX -4, M_PERTURB -6,
# M_ARENA_MAX -8
for option in 1:0 1:160 -1:0 -1:4096 -2:0 -2:4194304 -3:4096 -3:33554432 -4:0 -4:3 -6:170 -8:1; do
	run "mallopt $option" dynamic '' --mallopt=$option
done
run 'mallopt, many, break blocked' dynamic '' --mallopt=1:160 --mallopt=-2:0 --mallopt=-3:8192 \
	--mallopt=-6:85 --mallopt=-8:2 --brk=blocked
run 'mallopt, no mappings, an odd break' dynamic '' --mallopt=-4:0 --brk=odd

for tunable in tcache_count=1 tcache_count=127 tcache_max=16 tcache_max=1032 perturb=85 mxfast=0 \
	tcache_unsorted_limit=2 top_pad=0 arena_test=1 mmap_max=0 hugetlb=1; do
	run "$tunable" dynamic "glibc.malloc.$tunable"
done
run 'mem.tagging' dynamic glibc.mem.tagging=3
for link in $builds; do
	run "hugetlb=2, $link" "$link" glibc.malloc.hugetlb=2
done
run 'hugetlb=2, break blocked' dynamic glibc.malloc.hugetlb=2 --brk=blocked
run 'hugetlb=2, no tcache' dynamic glibc.malloc.hugetlb=2:glibc.malloc.tcache_count=0

for link in $builds; do
	run "no randomization, $link" "$link" '' --wrap -R
done
run 'legacy layout' dynamic '' --wrap -L
plan_done
