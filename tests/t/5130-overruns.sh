#!/usr/bin/env bash
# Overruns and writes after free at random places, which nobody tuned the walk for: no block is falsely
# called leaked, and of the blocks beside the damage nearly all stay exact.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 zstd

# share CORE ROUNDS SEED LOWEST: no round below LOWEST percent, no false leak, no crash
share()
{
	ok "$1: $2 rounds, at least $4 % of the blocks exact in each, none falsely leaked" \
		python3 "$SRC/tests/hostile/overruns.py" "$COREHEAP" "$1.core" "$2" "$3" . "$4"
	note "$(tail -n 1 .ok.log)"
}

for case in bookworm-size-garbage sid-unsorted-bk bullseye-nul; do
	zstd -q -d "$SRC/corpus/bad/$case/core.zst" -o "$case.core"
	share "$case" 12 1 97
done
if reason=$(core_forbidden); then
	skip 'perl' "$reason"
elif ! command -v perl >/dev/null; then
	skip 'perl' 'perl is not installed'
else
	kernel_core perl.core perl -e '
		$h{$_} = [$_, "x" x ($_ % 99)] for 1..2000; delete $h{$_ * 3} for 1..600; kill ABRT => $$; sleep 1'
	share perl 12 1 90
fi
plan_done
