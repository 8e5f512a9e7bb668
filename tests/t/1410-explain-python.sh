#!/usr/bin/env bash
# explain on a real program: who points to a block is counted again by a reader of core files that
# shares nothing with coreheap, and every pointer that a path claims is looked up in the core.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

cat >program.py <<'PY'
import os, threading, time
keep = [{"n": i, "text": "x" * (i % 700), "list": list(range(i % 50))} for i in range(3000)]
big = bytearray(3 << 20)
def work(n):
    mine = {i: str(i) * 3 for i in range(500)}
    while True:
        time.sleep(100)
for n in range(4):
    threading.Thread(target=work, args=(n,), daemon=True).start()
time.sleep(0.2)
os.abort()
PY
cat >judge.py <<'PY'
import array, bisect, csv, json, random, struct, subprocess, sys

coreheap, core = sys.argv[1:]
data = open(core, "rb").read()
phoff, = struct.unpack_from("<Q", data, 32)
phnum, = struct.unpack_from("<H", data, 56)
loads = []
for i in range(phnum):
    kind, flags, offset, start, _, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
    if kind == 1 and filesz:
        loads.append((start, offset, filesz))

def word(at):
    for start, offset, filesz in loads:
        if start <= at and at + 8 <= start + filesz:
            return struct.unpack_from("<Q", data, offset + at - start)[0]
    raise KeyError(hex(at))

def run(*args):
    return subprocess.run([coreheap, *args], stdout=subprocess.PIPE, check=True).stdout.decode()

blocks = [row for row in csv.DictReader(run("blocks", "--format=csv", core).splitlines())]
used = [row for row in blocks if row["state"] == "used"]
random.seed(1)
some = random.sample(used, 60) + random.sample([b for b in blocks if b["state"] == "free"], 10)
some += [b for b in used if b["kind"] == "mmap"][:5]
some += [b for b in used if b["reach"] not in ("reachable", "")][:40]
some = list({b["address"]: b for b in some}.values())
answers = json.loads(run("explain", "--json", "-n", "0", core, *[b["address"] for b in some]))["explain"]

ranges = sorted((int(b["address"], 16), int(b["address"], 16) + int(b["size"])) for b in some)
starts = [r[0] for r in ranges]
points = {start: set() for start in starts}
lowest, highest = starts[0], max(r[1] for r in ranges)
for start, offset, filesz in loads:
    words = array.array("Q", data[offset:offset + filesz // 8 * 8])
    for i, value in enumerate(words):
        if lowest <= value < highest:
            k = bisect.bisect_right(starts, value) - 1
            if value < ranges[k][1]:
                points[starts[k]].add(start + 8 * i)

wrong = paths = pointers = 0
def claim(holds, *what):
    global wrong
    if not holds:
        wrong += 1
        print("wrong:", *what)

def in_block(step):
    b = step.get("block")
    return b and int(b["address"], 16) <= int(step["at"], 16) < int(b["address"], 16) + b["size"]

def check_path(b, e):
    global paths
    steps = e["path"]["steps"]
    paths += 1
    claim(e["path"]["from"] == ("leak" if b["reach"] == "indirect" else "root"), b, e["path"])
    claim(int(steps[-1]["to"], 16) == int(b["address"], 16), b, steps)
    claim(("block" in steps[0]) == (b["reach"] == "indirect"), b, steps[0])
    for i, step in enumerate(steps):
        if "register" not in step:
            claim(word(int(step["at"], 16)) == int(step["value"], 16), b, step)
        claim(step["interior"] == (step["value"] != step["to"]), b, step)
        if b["reach"] == "reachable":
            claim(not step["interior"], b, step)
        if i and i != e["path"].get("omitted_after"):
            claim(in_block(step) and step["block"]["address"] == steps[i - 1]["to"], b, step)

for b, e in zip(some, answers, strict=True):
    start = int(b["address"], 16)
    r = e["referrers"]
    told = [p for kind in ("roots", "blocks", "self", "stale") for p in r[kind]]
    memory = {int(p["at"], 16) for p in told if "register" not in p}
    claim(memory == points[start], b, "pointers", memory ^ points[start])
    claim(sum(r["counts"].values()) == len(told), b, r["counts"], len(told))
    pointers += len(memory)
    for p in r["blocks"]:
        claim(in_block(p) and p["block"]["state"] == "used" and p["block"]["address"] != b["address"], p)
    for p in r["self"]:
        claim(in_block(p) and p["block"]["address"] == b["address"], p)
    claim(e["block"]["size"] == int(b["size"]) and e["block"]["state"] == b["state"], b, e["block"])
    claim(e["block"].get("reach", "") == b["reach"], b, e["block"])
    if b["reach"] in ("reachable", "possible", "indirect"):
        claim("path" in e, b, "no path")
    if "path" in e:
        check_path(b, e)
print(f"{len(some)} blocks, {pointers} pointers, {paths} paths, {wrong} wrong")
sys.exit(1 if wrong or pointers < 100 or paths < 50 else 0)
PY
for malloc in pymalloc malloc; do
	ok "$malloc: a core is taken" kernel_core core.$malloc "$(command -v env)" PYTHONMALLOC=$malloc \
		"$(command -v python3)" "$OUT/program.py"
	ok "$malloc: pointers and paths are in the core" python3 judge.py "$COREHEAP" core.$malloc
	note "$(tail -n 1 .ok.log)"
done
plan_done
