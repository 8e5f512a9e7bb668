#!/usr/bin/env bash
# Cores with parts missing: no live block is called leaked that only the missing part could hold.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 zstd

for case in bookworm-dynamic sid-dynamic bullseye-static trixie-gcore; do
	zstd -q -d --sparse "$SRC/corpus/$case/core.zst" -o core || exit 1
	ok "$case: each writable segment taken out, 12 cuts" \
		python3 "$SRC/tests/hostile/holes.py" "$COREHEAP" core 12 1
	note "$(tail -n 1 .ok.log)"
	rm -f core
done
plan_done
