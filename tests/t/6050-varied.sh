#!/usr/bin/env bash
# A leak whose blocks have one size in the first snapshot and several in later ones is one that grows,
# at its rate, by cores and by saved profiles: not a new one. Equal elements of a queue that take each
# other's places are not said to have survived.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
ok 'the victim compiles' "${CXX:-g++}" -g -O1 "$SRC/tests/victims/varied.cc" -o varied
mkfifo more
./varied <>more >steps 2>log &
pid=$!
for i in 1 2 3; do
	printf x >more
	until [ "$(wc -l <steps)" = $i ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
	gcore_of $pid core.$i || skip_all 'no snapshot came'
	"$COREHEAP" summary core.$i --json --profile -o saved.$i.json
done
why=$(core_forbidden) || kernel_core_of $pid whole
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
cat >judge.py <<'PY'
import json, sys
found = [f for f in json.load(open(sys.argv[1]))["findings"]
         if f.get("type") == "Session" and f["reach"] == "definite"]
assert len(found) == 1, found
leak = found[0]
assert leak["change"] == "growing-leak", leak
# a register or a word of the stack may hold the last one or two
for point, blocks in zip(leak["series"], (500, 1000, 1500)):
    assert blocks - 3 <= point["blocks"] <= blocks, leak
truth = 2 * (500 * (136 + 40) + 3 * 16)
assert abs(leak["bytes_per_hour"] - truth) <= 0.02 * truth, (leak["bytes_per_hour"], truth)
assert leak["cohort_alive"]["blocks"] >= 490, leak
PY
exits 'cores' 0 "$COREHEAP" diff core.{1,2,3} --interval 30m --json -o cores.json
ok 'it grows at its rate' python3 judge.py cores.json
exits 'saved profiles' 0 "$COREHEAP" diff saved.{1,2,3}.json --interval 30m --json -o saved.json
ok 'they tell the same' python3 judge.py saved.json

# fates SIZE: of the blocks of the queue that has such.
fates()
{
	"$COREHEAP" diff core.1 core.2 --size "$1" --format csv \
		--list survived,replaced,born,uncertain | awk -F, 'NR > 1 { n[$5]++ }
		END { print n["survived"] <= 400, n["survived"] + n["uncertain"] + n["replaced"] }'
}
is 'at most 400 of a queue of 1,000 survived, of which 600 were taken' "$(fates 104)" '1 1000'
is 'all of one that waited did' "$("$COREHEAP" diff core.1 core.2 --size 120 --format csv \
	--list survived,replaced,born,uncertain | grep -c ',survived$')" 1000

# Without the stack nothing is called leaked: what was has not become possible, nor grown by that.
if [ -z "$why" ]; then
	head -c -100000 whole >cut
	exits 'a core and what is left of it' 0 "$COREHEAP" diff whole cut --json -o cut.json
	is 'nothing of it grew' "$(python3 -c 'if True:
		import json
		print(json.load(open("cut.json"))["findings"])')" '[]'
else
	skip 'a core and what is left of it' "$why"
fi
sed -i 's/"change": "growing-leak"/"change": "new-leak"/' cores.json
not_ok 'that check can fail' python3 judge.py cores.json
plan_done
