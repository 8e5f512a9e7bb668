#!/usr/bin/env bash
# Cores of more mappings than e_phnum can count (PN_XNUM): the same answers as from the same memory in
# fewer, with the count where it belongs, and without it; cut off anywhere, an answer or a reason.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
count=$(python3 "$SRC/tests/hostile/xnum.py" core pages)
ok "$count program headers are over 65,535" test "${count:-0}" -gt 65535
size=$(stat -c %s pages)

# findings FILE: all that leaks --json says but for the file's name and size, and how the ledger names
# what is in the mappings, which goes by their neighbours; its sums stay.
findings()
{
	"$COREHEAP" leaks --json -q "$1" | python3 -c 'import json, sys
r = json.load(sys.stdin)
for key in "path", "bytes":
	del r["input"][key]
ledger = r["memory"]["ledger"]
r["memory"]["ledger"] = sum(line["bytes"] for line in ledger), sum(line["saved"] for line in ledger)
print(json.dumps(r, sort_keys=True, indent=1))'
}

findings core >core.json
ok 'the core itself has leaks' grep -q '"definite"' core.json
"$COREHEAP" blocks --format=csv core >core.csv
same()
{
	"$COREHEAP" blocks --format=csv "$1" >pages.csv
	ok "$2: the same blocks" cmp core.csv pages.csv
	findings "$1" >pages.json
	ok "$2: the same findings" diff core.json pages.json
}
same pages 'a header for each page'
is 'each page is a mapping' "$("$COREHEAP" maps --format=csv pages | tail -n +2 | wc -l)" $((count - 1))

# The section header stands at the end: a file that lost it says by the notes' offset how many there are.
head -c $((size - 64)) pages >no-count
exits 'without section header 0: analysed' 0 "$COREHEAP" leaks no-count
"$COREHEAP" blocks --format=csv no-count >pages.csv
ok 'without section header 0: the same blocks' cmp core.csv pages.csv

# All that the header claims, and less than it needs.
for cut in 63 64 100 $((64 + 56)) $((64 + 56 * 65535)) $((64 + 56 * (count - 1))) $((64 + 56 * count)) \
	$((64 + 56 * count + 1000)) $((size / 10)) $((size / 2)) $((size * 97 / 100)); do
	head -c "$cut" pages >cut
	for command in summary leaks blocks threads maps check; do
		timeout 60 "$COREHEAP" $command --strict cut >stdout 2>stderr
		status=$?
		[ $status = 3 ] || [ $status = 4 ]
		result $? "$cut bytes, $command: exit $status, 3 or 4" || note "$(cat stderr)"
		[ $status != 3 ] || ok "$cut bytes, $command: a reason" grep -q . stderr
	done
done

# A count that is a lie: none, so that the notes tell; one, the notes; fewer; and more than there can be.
lie()
{
	cp pages lie
	python3 -c 'import struct, sys
with open("lie", "r+b") as f:
	f.seek(int(sys.argv[1]))
	f.write(struct.pack("<I", int(sys.argv[2])))' $((size - 64 + 44)) "$1"
	exits "a count of $1: exit $2" "$2" timeout 60 "$COREHEAP" leaks --strict lie
}
lie 0 0
lie 1 3
like 'a count of 1: why' "$(cat stderr)" 'a core without memory segments'
lie 65535 4
lie 4294967295 4
plan_done
