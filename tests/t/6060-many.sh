#!/usr/bin/env bash
# A million and a half of blocks, where diff tells types of a sample only: what leaks and what grows is
# told to the block, nothing else is; and which blocks another one took the place of.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
ok 'the victim compiles' "$CC" -g -O1 "$SRC/tests/victims/many.c" -o many
mkfifo more
./many <>more >steps 2>log &
pid=$!
for i in 1 2; do
	printf x >more
	until [ "$(wc -l <steps)" = $i ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
	gcore_of $pid core.$i || skip_all 'no snapshot came'
done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null

for threads in 1 2; do
	exits "two cores, $threads threads" 0 "$COREHEAP" diff core.1 core.2 --threads $threads \
		--interval 1h --json -o diff.$threads
done
ok 'two threads tell what one does' cmp diff.1 diff.2
python3 - >found <<'PY'
import json
for f in json.load(open("diff.1"))["findings"]:
    first, last = (p["blocks"] for p in f["series"])
    if abs(last - first) > 5:
        print(f["change"], f["size"], last - first)
PY
is 'a leak and a table that grows, and nothing else' "$(sed 's/ \(19999\|20001\)$/ 20000/' found | sort)" \
	'growing-leak 72 20000
reachable-growth 56 30000'

"$COREHEAP" diff core.1 core.2 --size 24 --format csv --list replaced |
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["address"] }' |
	LC_ALL=C sort >replaced
LC_ALL=C sort replaced.2 >truth
missed=$(LC_ALL=C comm -13 replaced truth | wc -l)
wrong=$(LC_ALL=C comm -23 replaced truth | wc -l)
ok "of 60,000 blocks that were replaced $missed are not called so" [ "$missed" -le 60 ]
ok "and $wrong of 1,440,000 others are" [ "$wrong" -le 60 ]
plan_done
