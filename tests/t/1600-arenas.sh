#!/usr/bin/env bash
# arenas: the numbers are those that malloc_info and mallinfo2 gave within the process.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
compile places "$SRC/tests/victims/places.c" || skip_all 'no compiler'

cat >judge.py <<'PY'
import csv, io, json, subprocess, sys
import xml.etree.ElementTree as xml
coreheap, core, truth, info = sys.argv[1:]
wrong = 0
def claim(holds, *what):
    global wrong
    if not holds:
        wrong += 1
        print("wrong:", *what)

def run(command, *args):
    return subprocess.run([coreheap, command, *args, core], stdout=subprocess.PIPE, check=True).stdout.decode()

report = json.loads(run("arenas", "--json"))
arenas = report["arenas"]
table = list(csv.DictReader(io.StringIO(run("arenas", "--format=csv"))))
lines = [json.loads(line) for line in run("arenas", "--format=jsonl").splitlines()]
claim(lines == arenas, "JSON and JSONL differ")

def chunks(places):
    """Bytes as malloc counts them: 8 more than what a block can use."""
    return sum(p["bytes"] + 8 * p["blocks"] for p in places)

line = next(line.split() for line in open(truth) if line.startswith("mallinfo2"))
said = {k: int(v) for k, v in (word.split("=") for word in line[2:])}
listed = [[p for p in a["free"]["places"] if p["place"] != "tcache"] for a in arenas]
claim(sum(a["system_mem"] for a in arenas) == said["arena"], "arena", said)
claim(sum(map(chunks, listed)) == said["fordblks"], "fordblks", sum(map(chunks, listed)), said)
claim(arenas[0]["top_size"] == said["keepcost"], "keepcost", arenas[0], said)
claim(said["hblkhd"] - 4096 * said["hblks"] < report["memory"].get("mmapped", 0) <= said["hblkhd"], "mmapped", said)

root = xml.parse(info).getroot()
heaps = root.findall("heap")
claim(len(heaps) == len(arenas), len(heaps), "heaps,", len(arenas), "arenas")
for heap, a, places, row in zip(heaps, arenas, listed, table):
    system = int(heap.find("system[@type='current']").get("size"))
    fast, rest = (heap.find(f"total[@type='{t}']") for t in ("fast", "rest"))
    count = int(fast.get("count")) + int(rest.get("count"))
    size = int(fast.get("size")) + int(rest.get("size"))
    claim(a["system_mem"] == system, heap.get("nr"), "system", a["system_mem"], system)
    claim(a["walked"] == system, heap.get("nr"), "walked", a["walked"], system)
    claim(sum(p["blocks"] for p in places) == count, heap.get("nr"), "free blocks", places, count)
    # malloc_info leaves the flag bits in the sizes that it adds up
    claim(chunks(places) <= size <= chunks(places) + 7 * count, heap.get("nr"), "free", places, size)
    claim(int(row["system_mem"]) == system and int(row["used_bytes"]) == a["used"]["bytes"], row, a)
    claim(int(row["free_bytes"]) == a["free"]["bytes"] == sum(p["bytes"] for p in a["free"]["places"]), row, a)
    # every byte once: a block has 8 bytes more than it can use; arena headers have none
    whole = sum(a[k]["bytes"] + 8 * a[k]["blocks"] for k in ("used", "internal")) + chunks(a["free"]["places"])
    claim(abs(whole - (system if a["main"] else system + 8)) <= 16, heap.get("nr"), "whole", whole, system)

threads = {t["tid"] for t in json.loads(run("threads", "--json"))["threads"]}
caches = [t["tid"] for t in report["tcaches"] if "tid" in t]
claim(len(caches) == len(set(caches)) and set(caches) <= threads, caches, threads)
cached = sum(p["blocks"] for a in arenas for p in a["free"]["places"] if p["place"] == "tcache")
claim(sum(t["blocks"] for t in report["tcaches"]) == cached >= 1, "tcache", cached, report["tcaches"])
claim(sum(a["attached_threads"] for a in arenas) >= len(threads), "attached")
print(f"{len(arenas)} arenas, {wrong} wrong")
sys.exit(1 if wrong else 0)
PY
for threads in 0 2 6; do
	rm -f truth
	./places $threads >truth 2>malloc_info &
	victim=$!
	wait_for truth || exit 1
	ok "$threads threads: a core is taken" kernel_core_of $victim killed
	ok "$threads threads: what malloc said of itself" python3 judge.py "$COREHEAP" killed truth malloc_info
done
text=$("$COREHEAP" arenas killed)
like 'a sentence says what it comes to' "$text" '^malloc holds .* in [0-9]+ arenas: .* in use \(.* blocks\), .* free \([0-9]+%\)\. malloc_trim'
like 'mmapped blocks are told' "$text" '^Beside the arenas: 1 block with a mapping of their own, 1.00 MiB'
like 'sums agree' "$text" '^malloc.s own sums .* agree with what was walked'

# One word of main_arena's system_mem is changed: the sums cannot agree any more.
address=$("$COREHEAP" arenas --format=csv killed | awk -F, '$1 == 0 { print $2, $6 }')
ok 'system_mem is found in the core' python3 - killed $address <<'PY'
import struct, sys
core, address, system = sys.argv[1], int(sys.argv[2], 16), int(sys.argv[3])
data = bytearray(open(core, "rb").read())
phoff, = struct.unpack_from("<Q", data, 32)
phnum, = struct.unpack_from("<H", data, 56)
for i in range(phnum):
    kind, _, offset, start, _, filesz, *_ = struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
    if kind == 1 and start <= address < start + filesz:
        at = offset + address - start
        where = data.find(struct.pack("<QQ", system, system), at, at + 2400)
        assert where > 0
        struct.pack_into("<QQ", data, where, system + 8192, system + 8192)
open("changed", "wb").write(data)
PY
like 'a sum that disagrees is told' "$("$COREHEAP" arenas changed)" '^disagreement: .*arena 0'
plan_done
