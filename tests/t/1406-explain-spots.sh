#!/usr/bin/env bash
# explain: what lies in thread-local variables, around stack pointers and in free memory. The victim
# says what is where, by its own calls and stack pointers.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
[ "$(uname -m)" = x86_64 ] || skip_all 'the victim waits by an x86-64 instruction'
reason=$(core_forbidden) && skip_all "$reason"
compile spots "$SRC/tests/victims/spots.c" || skip_all 'no compiler'
kernel_core core "$OUT/spots"
mv core.log truth

cat >check.py <<'PY'
import collections, json, random, subprocess, sys
coreheap, core, truth = sys.argv[1:]
kinds = collections.defaultdict(list)
for line in open(truth):
    address, kind, *detail = line.split()
    kinds[kind].append((address, detail))
lists = {"tcache": "tcache of thread", "fastbin": "fastbin ", "unsorted": "unsorted bin",
         "smallbin": "small bin", "largebin": "large bin", "top": "top chunk of arena 0"}

def right(kind, detail, e):
    if kind in lists:
        return e["kind"] == "block" and e["block"]["state"] == "free" and lists[kind] in e["list"]
    if e["kind"] != kind or str(e["tid"]) != detail[0]:
        return False
    if kind != "tls":
        return True
    name, offset = detail[1].split("+")
    s = e["symbol"]
    return s["name"] == name and s["offset"] == int(offset)

bad = 0
for kind, told in sorted(kinds.items()):
    some = random.Random(7).sample(told, min(1000, len(told)))
    out = subprocess.run([coreheap, "explain", core, "--json", "-q", "--no-sites", "-n", "1",
                          *(a for a, _ in some)], stdout=subprocess.PIPE, check=True).stdout
    wrong = [(a, d, e["kind"], e.get("list"), e["where"])
             for (a, d), e in zip(some, json.loads(out)["explain"], strict=True) if not right(kind, d, e)]
    print(f"{kind}: {len(some) - len(wrong)} of {len(some)} right")
    print(*wrong[:4], sep="\n", end="\n" if wrong else "")
    bad += len(wrong)
sys.exit(1 if bad or len(kinds) != 10 or min(map(len, kinds.values())) < 1000 else 0)
PY
ok 'what the victim says of ten kinds of places' python3 check.py "$COREHEAP" core truth
note "$(grep right "$OUT/.ok.log")"
plan_done
