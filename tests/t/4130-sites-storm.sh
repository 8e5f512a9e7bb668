#!/usr/bin/env bash
# libcoreheap_sites.so while 64 threads allocate, free and fork at full speed: the region can be read at
# any moment, and is exact once all is still.
. "$(dirname "$0")/../lib.sh"
HERE=$SRC/tests/kept
SITES=$BUILD/libcoreheap_sites.so
[ -f "$SITES" ] || skip_all 'the library is for x86-64 and aarch64'
reason=$(core_forbidden) && skip_all "$reason"
need_cmd python3
compile storm "$HERE/storm.c" -O2

# after WORD: the storm, ended by a signal once it has said so
after()
{
	: >log
	(ulimit -c unlimited && cd "$OUT" && exec env COREHEAP_SITES=stack LD_PRELOAD="$SITES" \
		./storm 64 1) >>log 2>&1 &
	pid=$!
	timeout 60 sh -c 'until grep -q "^$1\|ended" log; do sleep 0.05; done' - "$1"
	[ "$1" = still ] || sleep 0.4
	kill -QUIT $pid
	wait $pid 2>/dev/null
	core_take $pid "$OUT" "$1.core" 2>/dev/null
	ok "$1: no child failed" sh -c '! grep ended log'
	"$COREHEAP" blocks --format=jsonl -q "$1.core" >"$1.jsonl" 2>/dev/null
}

after runs
ok 'running: all but what is under way has its stack, which is whole' \
	"$HERE/whole.py" runs.core runs.jsonl 64
after still
ok 'still: every block has its stack, and every stack its block' "$HERE/whole.py" still.core still.jsonl 0
plan_done
