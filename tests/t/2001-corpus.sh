#!/usr/bin/env bash
# Every core of the corpus: the blocks, their sizes and their reach are what the program declared, and
# the table in doc/coverage.md says so. With --write it is written.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd gzip python3
. "$SRC/tests/victims/replay.sh"

cases=("$SRC"/corpus/*/core.zst)
ok 'the corpus is there' test "${#cases[@]}" -ge 102
for core in "${cases[@]}"; do
	name=$(basename "$(dirname "$core")")
	zstd -q -d --sparse "$core" -o "$OUT/core" || { result 1 "$name unpacks"; continue; }
	replay "$name" "$OUT/core" "$(dirname "$core")/truth.txt.gz"
	rm -f "$OUT/core"
done

table()
{
	python3 "$SRC/tests/victims/coverage.py" "$SRC/corpus" "$OUT/tally" "$@"
}

note "$(table)"
[ "${1:-}" = --write ] && table --write "$SRC/doc/coverage.md"
ok 'doc/coverage.md has this table' table --compare "$SRC/doc/coverage.md"
plan_done
