#!/usr/bin/env bash
# Cores with parts missing: no live block is called leaked that only the missing part could hold, and
# where the heap is all there its blocks are those of the whole core, be main_arena there or not.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 zstd

# 288 cuts and 72 cores with holes in all, beside those that lost one segment; a third of the cuts
# with sanitizers
cuts=36
[ "${SAN:-0}" = 0 ] || cuts=12
for case in bookworm-dynamic sid-dynamic bullseye-static trixie-gcore bookworm-one-arena sid-static-blocked \
	bookworm-i386-dynamic sid-i386-dynamic; do
	zstd -q -d --sparse "$SRC/corpus/$case/core.zst" -o core || exit 1
	ok "$case: each writable segment taken out, 9 cores with holes, $cuts cuts" \
		python3 "$SRC/tests/hostile/holes.py" "$COREHEAP" core $cuts 9 1
	note "$(tail -n 1 .ok.log)"
	rm -f core
done
plan_done
