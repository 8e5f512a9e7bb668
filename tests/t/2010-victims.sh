#!/usr/bin/env bash
# The victims built and run here: kernel core and gcore, dynamic and static, tcache on and off, and
# what can happen to the break. Larger heaps than those of the corpus. PLAN_DYNAMIC and PLAN_STATIC
# are link flags for another libc than this system's (tests/victims/README.md).
. "$(dirname "$0")/../lib.sh"
need_cmd python3
. "$SRC/tests/victims/replay.sh"

# shellcheck disable=SC2086
ok 'the victim builds' plan_build dynamic ${PLAN_DYNAMIC:-} || plan_done
builds=dynamic
# shellcheck disable=SC2086
if plan_build static -static ${PLAN_STATIC:-} 2>"$OUT/static.log"; then
	builds='dynamic static'
else
	skip 'the victim builds statically' 'no static libc here'
fi

# from_kernel NAME LINK TUNABLES OPTION...
from_kernel()
{
	local name=$1 link=$2 tunables=$3
	shift 3
	rm -f "$OUT/core" "$OUT/truth"
	kernel_core "$OUT/core" env ${tunables:+GLIBC_TUNABLES="$tunables"} "$OUT/plan-$link" "$@" \
		"$OUT/truth" || { result 1 "$name: a kernel core"; return; }
	replay "$name" "$OUT/core" "$OUT/truth"
}

asleep()
{
	[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = S ]
}

# from_gcore NAME LINK TUNABLES OPTION...
from_gcore()
{
	local name=$1 link=$2 tunables=$3 pid i status
	shift 3
	rm -f "$OUT/core" "$OUT/truth"
	env ${tunables:+GLIBC_TUNABLES="$tunables"} "$OUT/plan-$link" --pause "$@" "$OUT/truth" &
	pid=$!
	wait_for "$OUT/truth"
	for ((i = 0; i < 100; i++)); do
		asleep "$pid" && break
		sleep 0.05
	done
	gcore_of "$pid" "$OUT/core"
	status=$?
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[ "$status" -eq 0 ] || { result 1 "$name: a snapshot"; return; }
	replay "$name" "$OUT/core" "$OUT/truth"
}

off=glibc.malloc.tcache_count=0
if why=$(core_forbidden); then
	skip 'kernel cores' "$why"
else
	for link in $builds; do
		from_kernel "kernel-$link" "$link" ''
		from_kernel "kernel-$link-no-tcache" "$link" "$off"
		for how in blocked foreign odd; do
			from_kernel "kernel-$link-$how" "$link" '' --small --brk=$how
		done
	done
	from_kernel kernel-arena-max-1 dynamic glibc.malloc.arena_max=1 --small
	from_kernel kernel-tcache-large dynamic glibc.malloc.tcache_max=2000000 --small
fi
if command -v gdb >/dev/null; then
	for link in $builds; do
		from_gcore "gcore-$link" "$link" '' --small
	done
	from_gcore gcore-no-tcache dynamic "$off" --small
else
	skip 'snapshots' 'gdb is not installed'
fi
plan_done
