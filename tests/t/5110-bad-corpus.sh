#!/usr/bin/env bash
# Damaged heaps of four glibcs: the damaged block is named, and the one in front of it; all others
# stay exact; the verdict says what it rests on; and where libc aborted, its words come first.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd gzip python3

# judged CASE: exit 0 from each command, and every promise of tests/victims/damage.py
judged()
{
	zstd -q -d -f --sparse "$1/core.zst" -o core && gzip -dc "$1/truth.txt.gz" >truth || return 1
	"$COREHEAP" blocks --format=csv --no-sites core >blocks.csv || return 1
	"$COREHEAP" summary --json core >report.json || return 1
	python3 "$SRC/tests/victims/damage.py" truth blocks.csv report.json
}

# check_names: `check` says in words what the JSON says
check_names()
{
	local at
	"$COREHEAP" check core | tr '\n' ' ' >check.txt
	for at in $(python3 -c 'import json; print(*[f["at"] for f in
		json.load(open("report.json"))["findings"] if f["kind"] == "corruption"])'); do
		grep -q "corruption .*$at" check.txt || return 1
	done
}

cases=("$SRC"/corpus/bad/*-*/core.zst)
ok 'the damaged corpus is there' test "${#cases[@]}" -ge 80
for release in bullseye bookworm trixie sid; do
	modes=("$SRC/corpus/bad/$release"-*/)
	ok "$release has at least 12 kinds of damage" test "${#modes[@]}" -ge 16
done
for core in "${cases[@]}"; do
	dir=$(dirname "$core")
	name=$(basename "$dir")
	ok "$name" judged "$dir"
	note "$(tail -n 1 .ok.log)"
	[[ $name != bookworm-* ]] || ok "$name: check names the same places" check_names
	said=$(sed -n 's/^libc said: //p' "$dir/about.txt")
	[ -n "$said" ] || continue
	is "$name: what libc said is the first line" \
		"$("$COREHEAP" core | tr '\n' ' ' | grep -cF "libc aborted the process: \"$said\". ")" 1
done
plan_done
