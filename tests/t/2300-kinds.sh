#!/usr/bin/env bash
# Processes of unusual kinds, which know what they hold: every block, its size and its reach, from
# gdb's snapshot and from the kernel's core of the same process; malloc's sums agree with it.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
. "$SRC/tests/victims/replay.sh"
plan=$SRC/tests/victims/plan

# build NAME [FLAGS...]
build()
{
	# shellcheck disable=SC2046
	"$CC" -std=gnu11 -O1 -g -pthread -o "$OUT/kinds-$1" "$SRC"/tests/kinds/*.c \
		"$plan"/truth.c "$plan"/get.c "$plan"/park.c -ldl $(link_away "$1") "${@:2}"
}

pid_of()
{
	sed -n 's/^# pid //p' "$OUT/truth"
}

# sums_agree NAME CORE
sums_agree()
{
	like "$1: malloc's sums agree" "$("$COREHEAP" check "$2" 2>&1)" \
		"heap's structure +undamaged, and malloc's own sums agree"
}

# kind NAME BUILD KIND NUMBER [no-gcore]: both cores of one process
kind()
{
	local name=$1 top pid i
	rm -f "$OUT/truth" "$OUT/core" "$OUT/kernel"
	"$OUT/kinds-$2" "$3" "$4" "$OUT/truth" >"$OUT/$name.log" 2>&1 &
	top=$!
	wait_for "$OUT/truth" 120 || { result 1 "$name: its truth"; return; }
	pid=$(pid_of)
	for ((i = 0; i < 200; i++)); do
		[ "$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat")" = S ] && break
		sleep 0.05
	done
	if [ "${5:-}" = no-gcore ]; then
		:
	elif command -v gdb >/dev/null; then
		if gcore_of "$pid" "$OUT/core"; then
			replay "$name-gcore" "$OUT/core" "$OUT/truth"
			rm -f "$OUT/core"
		else
			result 1 "$name: a snapshot"
		fi
	else
		skip "$name: a snapshot" 'gdb is not installed'
	fi
	if core_forbidden >/dev/null; then
		skip "$name: a kernel core" "$(core_forbidden)"
		kill -KILL "$pid"
	elif kernel_core_of "$pid" "$OUT/kernel"; then
		replay "$name-kernel" "$OUT/kernel" "$OUT/truth" &&
			sums_agree "$name" "$OUT/kernel"
	else
		result 1 "$name: a kernel core"
	fi
	wait "$top" 2>/dev/null
}

build_all build

for how in $builds; do
	kind "align-$how" "$how" align 1048576
	kind "fork-$how" "$how" fork 6
done
for how in $builds; do
	# a static program opens libraries, and libc with them, in its own namespace only
	case $how in static*) kind "open-$how" "$how" open 1 ;; esac
done
kind vfork dynamic vfork 3
kind spawn dynamic spawn 3 no-gcore
kind align-1-gib dynamic align $((1 << 30)) no-gcore
kind remap dynamic remap 6
kind spaces-1 dynamic space 1
kind spaces-3 dynamic space 3 no-gcore
kind crowd dynamic crowd 40 no-gcore
plan_done
