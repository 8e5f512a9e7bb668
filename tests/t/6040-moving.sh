#!/usr/bin/env bash
# What grows in several arenas, in a buffer that realloc moves, beside a cache that fills and a queue
# that gets shorter: each is named as what it is, at its rate, by cores and by saved profiles.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
ok 'the victim compiles' "${CC:-gcc}" -g -O1 -pthread "$SRC/tests/victims/moving.c" -o moving
mkfifo more
./moving <>more >steps 2>log &
pid=$!
for i in 1 2 3 4; do
	echo >more
	until [ "$(wc -l <steps)" = $i ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
	gcore_of $pid core.$i || skip_all 'no snapshot came'
	"$COREHEAP" summary core.$i --json --profile -o saved.$i.json
done
kill -KILL $pid
wait $pid 2>/dev/null
cat >judge.py <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
def one(*holds):
    found = [f for f in d["findings"] if all(h(f) for h in holds)]
    assert len(found) == 1, (len(found), found)
    return found[0]
def near(value, truth):
    assert abs(value - truth) <= 0.02 * abs(truth), (value, truth)
leak = one(lambda f: f["kind"] == "leak" and f["blocks"] > 10)
assert leak["change"] == "growing-leak" and leak["size"] == 104, leak
near(leak["bytes_per_hour"], 4 * 200 * 104)
cache = one(lambda f: f.get("size") == 1000)
assert cache["change"] == "levelled-off" and cache["blocks"] == 8000, cache
buffer = one(lambda f: f.get("size", 0) > 200000)
assert buffer["change"] == "reachable-growth" and buffer["owner"] == "buffer", buffer
near(buffer["bytes_per_hour"], 4 * 300000)
near(buffer["last_bytes_per_hour"], 4 * 300000)
queue = one(lambda f: f.get("size") == 56 and f["bytes_delta"] < 0)
assert queue["change"] == "shrinking", queue
near(queue["bytes_per_hour"], -4 * 500 * 56)
PY
for kind in core saved; do
	ext=$([ $kind = core ] || echo .json)
	exits "$kind: diff" 0 "$COREHEAP" diff $kind.{1,2,3,4}"$ext" --interval 1h --json -o diff.json
	ok "$kind: each is what it is, at its rate" python3 judge.py diff.json
done
sed 's/"growing-leak"/"reachable-growth"/' diff.json >wrong.json
not_ok 'that check can fail' python3 judge.py wrong.json
plan_done
