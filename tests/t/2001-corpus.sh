#!/usr/bin/env bash
# Every core of the corpus: the blocks, their sizes and their reach are what the program declared.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd gzip python3
. "$SRC/tests/victims/replay.sh"

cases=("$SRC"/corpus/*/core.zst)
ok 'the corpus is there' test "${#cases[@]}" -ge 53
for core in "${cases[@]}"; do
	name=$(basename "$(dirname "$core")")
	zstd -q -d --sparse "$core" -o "$OUT/core" || { result 1 "$name unpacks"; continue; }
	replay "$name" "$OUT/core" "$(dirname "$core")/truth.txt.gz"
	rm -f "$OUT/core"
done
plan_done
