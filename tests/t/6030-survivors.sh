#!/usr/bin/env bash
# Which blocks of a busy program survived from one snapshot to the next, against the truth: the
# recorder numbers each operation, so that a block given out again at the same address has another
# number. python3 with all of its objects in malloc's hands gives most addresses out again.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd /usr/bin/python3

cat >work.py <<'PY'
import random, sys
rnd = random.Random(7)
class Node:
    def __init__(self, key):
        self.key, self.value, self.text = key, (key, rnd.random()), "text of %d" % key
nodes = {}
texts = {i: "x" * rnd.randrange(40, 900) for i in range(1500)}
lists = [list(range(1000, 1000 + i % 300)) for i in range(300)]
kept = [{"name": "record %d" % i, "id": i * 7919} for i in range(1500)]
while True:
    for i in range(1000):
        nodes[rnd.randrange(3000)] = Node(rnd.randrange(10 ** 6))
    for i in range(150):
        texts[rnd.randrange(1500)] = "y" * rnd.randrange(40, 900)
        lists[rnd.randrange(300)] = list(range(5000, 5000 + rnd.randrange(300)))
        kept[rnd.randrange(1500)]["id"] += 1
    open("ready", "w").close()
    sys.stdin.readline()
PY
mkfifo more
(PYTHONMALLOC=malloc REC_NUMBER=1 recorded 0 /usr/bin/python3 work.py) <>more >log 2>&1 &
pid=$!
for i in 1 2; do
	until [ -e ready ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	ok "snapshot $i" gcore_of "$pid" "core.$i"
	rm -f ready
	echo >more
done
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
ok 'what became of the blocks' \
	"$COREHEAP" diff core.1 core.2 --list survived,replaced,born,uncertain --format csv -o fates
exits 'survivors are right' 0 "$HERE/survivors.py" core.1 core.2 fates 0.995 0.95
note "$(cat stdout)"
sed 's/,replaced$/,survived/' fates >wrong
exits 'that check can fail' 1 "$HERE/survivors.py" core.1 core.2 wrong 0.995 0.95

# All of CPython's objects are pointed to behind their collector's links: kept so, and not leaked.
exits 'the same in words' 0 "$COREHEAP" diff core.1 core.2
is 'nothing of that may be leaked' "$(grep -c '(possible)' stdout)" 0
like 'growth has a holder' "$(grep -m 1 'reachable growth' stdout)" 'held by '

# A core that was cut off lacks the stack, and the bytes there that tell one process from the next.
head -c -100000 core.2 >cut.core
exits 'one that was cut off' 0 "$COREHEAP" diff core.1 cut.core
like 'its blocks are matched by address' "$(cat stdout)" 'survive|new|gone|growth'
plan_done
