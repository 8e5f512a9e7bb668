#!/usr/bin/env bash
# maps: the rows are those of `pmap -x` taken of the process right before its core, and the parts
# are where the process said that they are.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 pmap
reason=$(core_forbidden) && skip_all "$reason"
compile places "$SRC/tests/victims/places.c" || skip_all 'no compiler'
./places 3 >truth 2>malloc_info &
victim=$!
wait_for truth || exit 1
pmap -x $victim >pmap.txt
grep -E '^[0-9a-f]+-' /proc/$victim/maps >maps.txt
ok 'a snapshot is taken' gcore_of $victim snapshot
ok 'a core is taken' kernel_core_of $victim killed
"$COREHEAP" maps killed >text.txt

cat >judge.py <<'PY'
import csv, io, json, os, re, struct, subprocess, sys
coreheap = sys.argv[1]
wrong = 0
def claim(holds, *what):
    global wrong
    if not holds:
        wrong += 1
        print("wrong:", *what)

def rows(path):
    return [line.split() for line in open(path) if re.match(r"[0-9a-f]{16} ", line)]

# Pages that the process wrote zeroes to: the kernel saves them, where it leaves a hole for one that was
# never touched. A copied or compressed core cannot tell the two apart, so coreheap counts neither.
def zeroed(path):
    core, kib = open(path, "rb"), {}
    head = core.read(64)
    at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
    for i in range(count):
        core.seek(at + 56 * i)
        kind, _, offset, start, _, size = struct.unpack("<IIQQQQ", core.read(40))
        for page in range(offset, offset + size, 4096) if kind == 1 else ():
            stored = os.lseek(core.fileno(), page, os.SEEK_HOLE) > page
            if stored and os.pread(core.fileno(), 4096, page) == bytes(4096):
                kib[start] = kib.get(start, 0) + 4
    return kib

# Address Kbytes RSS Dirty Mode Mapping of pmap; Dirty is not in ours. Pages of files that the kernel
# left out are unknown to a core; the kernel's own pages count differently.
zero = zeroed("killed")
theirs, ours = rows("pmap.txt"), rows("text.txt")
claim(len(theirs) == len(ours), len(theirs), "rows of pmap,", len(ours), "of coreheap")
compared = 0
for t, o in zip(theirs, ours):
    claim(t[0] == o[0] and t[1] == o[1], t, o)
    claim(t[4] == o[3], "mode", t, o)
    claim(t[5:8] == ["[", "anon", "]"] and o[4:7] == ["[", "anon", "]"] or t[5:7] == o[4:6] or t[5] == o[4], "name", t, o)
    writable = "w" in t[4]
    if writable and "stack" not in t:
        compared += 1
        claim(int(t[2]) == int(o[2]) + zero.get(int(t[0], 16), 0), "RSS", t, o)
claim(compared > 8, "RSS of", compared)
total = [line.split() for line in open("text.txt") if line.startswith("total kB")][0]
want = [line.split() for line in open("pmap.txt") if line.startswith("total kB")][0]
claim(total[2] == want[2], total, want)
claim(int(total[3]) == sum(int(o[2]) for o in ours if o[2] != "-"), total)

def run(core, *args):
    return subprocess.run([coreheap, "maps", *args, core], stdout=subprocess.PIPE, check=True).stdout.decode()

truth = [line.split() for line in open("truth") if " 0x" in line]
def kinds(core):
    table = list(csv.DictReader(io.StringIO(run(core, "--format=csv"))))
    def at(address):
        return next(r for r in table if int(r["start"], 16) <= address < int(r["end"], 16))
    for name, address, *_ in truth:
        row = at(int(address, 16)) if name != "unmapped" else None
        if re.match("frame-word|outer-word|unused|tls-word", name):
            claim(row["kind"] == "thread-stack" and "stack of thread" in row["holds"], name, row)
        elif name == "exited-word":
            claim("stack of a thread that has exited" in row["holds"], name, row)
        elif re.match("alone|list-[0-9]|cached", name):
            claim(row["kind"] == "heap" and row["holds"] == "the brk heap", name, row)
        elif re.match("tls-block|lost-with", name):
            claim(row["kind"] == "arena" and re.search(r"arena \d", row["holds"]), name, row)
        elif name == "big":
            claim("mmapped chunk" in row["holds"] and int(row["in_use"]) >= 1 << 20, name, row)
        elif name == "list-word":
            claim(row["kind"] in ("data", "bss") and row["path"].endswith("/places"), name, row)
        elif name == "library-code":
            claim(row["kind"] in ("text", "file") and "libc" in row["path"], name, row)
    report = json.loads(run(core, "--json"))
    claim([m["start"] for m in report["mappings"]] == [r["start"] for r in table], "JSON and CSV differ")
    lines = [json.loads(line) for line in run(core, "--format=jsonl").splitlines()]
    claim(lines == report["mappings"], "JSON and JSONL differ")
    used = sum(int(r["in_use"] or 0) for r in table)
    blocks = subprocess.run([coreheap, "blocks", "--format=csv", "--no-sites", core], stdout=subprocess.PIPE,
                            check=True).stdout.decode()
    want = sum(int(b["size"]) for b in csv.DictReader(io.StringIO(blocks)) if b["state"] == "used")
    claim(used == want, "in use", used, want)
    return table

table = kinds("killed")
claim(not any(r["kind"] == "no-access" and int(r["bytes"]) > 1 << 20 for r in table), "reserves")
claim(sum(r["kind"] == "reserve" for r in table) == sum(r["kind"] == "arena" for r in table), "reserves")
maps = [line.split() for line in open("maps.txt")]
special = {"[vdso]": "vdso", "[stack]": "stack", "[vvar]": "vvar", "[heap]": "heap"}
for line in maps:
    start = int(line[0].split("-")[0], 16)
    row = next((r for r in table if int(r["start"], 16) == start), None)
    if line[-1] in special and row:
        claim(row["kind"] == special[line[-1]], line, row)
kinds("snapshot")
print(f"{len(ours)} rows, {wrong} wrong")
sys.exit(1 if wrong else 0)
PY
ok 'rows, kinds and sums' python3 judge.py "$COREHEAP"
like 'the header is of pmap -x, without Dirty' "$(head -n 1 text.txt)" '^Address +Kbytes +RSS Mode  Mapping '
like 'the last line is the total' "$(tail -n 1 text.txt)" '^total kB +[0-9]+ +[0-9]+$'
exits 'a second argument is refused' 2 "$COREHEAP" maps killed killed
plan_done
