#!/usr/bin/env bash
# A heap damaged in one way each: the damaged block is named, and the one in front of it; all others
# stay exact; and what libc said before it aborted comes first.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

plan=$SRC/tests/victims/plan
ok 'the victim builds' "$CC" -std=gnu11 -g -O1 -pthread -o "$OUT/damage" \
	"$SRC/tests/victims/damage.c" "$plan/truth.c" "$plan/get.c" "$plan/park.c"
if why=$(core_forbidden); then
	skip_all "$why"
fi

# damaged MODE: exit 0, and every promise of tests/victims/damage.py
damaged()
{
	rm -f core truth
	kernel_core core "$OUT/damage" "$1" "$OUT/truth" || return 1
	"$COREHEAP" blocks --format=csv --no-sites core >blocks.csv || return 1
	"$COREHEAP" summary --json core >report.json || return 1
	python3 "$SRC/tests/victims/damage.py" truth blocks.csv report.json
}

modes=$("$OUT/damage" --list)
is 'it has 18 modes' "$(wc -l <<<"$modes")" 18
fastbins=$(getconf GNU_LIBC_VERSION | awk '{ split($2, v, "."); print (v[2] < 43) }')
for mode in $modes; do
	case $mode in
	fastbin*)
		[ "$fastbins" = 1 ] || { skip "$mode" 'this glibc has no fastbins'; continue; } ;;
	esac
	ok "$mode" damaged "$mode"
	note "$(tail -n 1 .ok.log)"
done

# What libc says is the first line. It sees these in its next steps, in every version.
for mode in size-garbage size-overrun small-fd top-garbage; do
	rm -f core truth
	if ! kernel_core core "$OUT/damage" --free "$mode" "$OUT/truth"; then
		result 1 "$mode: a core"
		continue
	fi
	last=$(tail -n 1 core.log)
	like "$mode: libc's last words come first" "$("$COREHEAP" core | head -n 1)" \
		'^libc aborted the process: ".*(malloc|free|munmap_chunk|corrupt)'
	is "$mode: word by word" "$("$COREHEAP" core --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["process"]["abort_message"])')" \
		"$last"
done
rm -f core truth
kernel_core core "$OUT/damage" size-garbage "$OUT/truth"
is 'a process that libc did not abort has no such line' \
	"$("$COREHEAP" core --json | grep -c abort_message)" 0
like 'check names the block in front' "$("$COREHEAP" check core | tr -s '\n ' ' ')" \
	'corruption chunk-size: .* The block in front of it, 0x[0-9a-f]+, is used and of 72 bytes'
plan_done
