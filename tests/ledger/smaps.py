#!/usr/bin/env python3
"""smaps.py COREHEAP CORE SMAPS: what coreheap says of a kernel core against /proc/PID/smaps, copied while
the process stood still, right before the core. Prints a line a kind of mapping; exit 1 where they disagree."""
import json
import os
import re
import struct
import subprocess
import sys

PAGE = 4096
coreheap, core, smaps = sys.argv[1:]
wrong = 0


def claim(holds, *what):
    global wrong
    if not holds:
        wrong += 1
        print("wrong:", *what)


def mappings(path):
    """Each mapping of smaps: start, end, mode, inode, name and its figures in bytes."""
    rows = []
    for line in open(path):
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ (\d+) *(.*)", line)
        if m:
            rows.append({"start": int(m[1], 16), "end": int(m[2], 16), "mode": m[3], "inode": int(m[4]),
                         "name": m[5]})
        else:
            key, value = line.split(":", 1)
            if value.endswith(" kB\n"):
                rows[-1][key] = int(value.split()[0]) * 1024
    return rows


def kind_of(row):
    """The four kinds; memory with a name (tmpfs, SysV, memfd, /dev/zero) has no file on disk."""
    if re.match(r"/dev/shm/|/memfd:|/SYSV|/dev/zero", row["name"]):
        return "shared-anonymous" if row["mode"][3] == "s" else "private-anonymous"
    return ("shared" if row["mode"][3] == "s" else "private") + ("-file" if row["inode"] else "-anonymous")


def stored(path):
    """By mapping: bytes of pages that the core has on disk and that are all zero."""
    found, f = {}, open(path, "rb", buffering=0)
    head = f.read(64)
    at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
    for i in range(count):
        kind, _, offset, start, _, size = struct.unpack("<IIQQQQ", os.pread(f.fileno(), 40, at + 56 * i))
        page = offset
        while kind == 1 and page < offset + size:
            hole = os.lseek(f.fileno(), page, os.SEEK_HOLE)
            if hole <= page:
                try:
                    page = os.lseek(f.fileno(), page, os.SEEK_DATA) // PAGE * PAGE
                except OSError:
                    break
                continue
            for p in range(page, min(hole, offset + size), PAGE):
                if os.pread(f.fileno(), PAGE, p) == bytes(PAGE):
                    found[start] = found.get(start, 0) + PAGE
            page = -(-hole // PAGE) * PAGE
    return found


def report(*args):
    return json.loads(subprocess.run([coreheap, *args, "--json", "-q", core], stdout=subprocess.PIPE,
                                     check=True).stdout)


theirs = mappings(smaps)
whole = report("maps")
ours = {int(m["start"], 16): m for m in whole["mappings"]}
zero = stored(core)
# Pages that were swapped out are in the core, too. On a file system without holes nothing tells zeroes that the
# process wrote from pages that it never touched.
sparse = os.stat(core).st_blocks * 512 < os.stat(core).st_size
kernels = ("[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]")
kinds = {}
claim([t["start"] for t in theirs] == sorted(ours), "mappings differ")
for t in theirs:
    o = ours.get(t["start"])
    if not o:
        continue
    kind, size = kind_of(t), t["end"] - t["start"]
    claim(int(o["end"], 16) == t["end"], "end", t, o)
    claim(o["sharing"] == kind or (o["sharing"] == "file" and kind.endswith("-file")), "kind", t, o)
    claim(sum(p["bytes"] for p in o["parts"]) == size, "parts", t, o)
    k = kinds.setdefault(kind, {"bytes": 0, "rss": 0, "told": 0, "zero": 0, "unsaved": 0})
    k["bytes"] += size
    k["rss"] += t["Rss"]
    k["told"] += o.get("resident", 0)
    k["zero"] += zero.get(t["start"], 0)
    k["unsaved"] += t["Rss"] if o["saved"] == 0 else 0
    if t["name"] in kernels:
        continue
    rss, told = t["Rss"] + t["Swap"], o.get("resident", 0)
    if kind == "private-anonymous":
        claim(told <= rss <= told + zero.get(t["start"], 0), "resident", t, o, zero.get(t["start"]))
        claim(not sparse or rss == told + zero.get(t["start"], 0), "resident", t, o, zero.get(t["start"]))
    elif kind == "shared-anonymous" and o["saved"]:
        claim(t["Rss"] <= o["resident"] + zero.get(t["start"], 0), "shared", t, o)
    elif kind == "private-file":
        claim(t["Anonymous"] <= o.get("resident", 0) + zero.get(t["start"], 0), "written to", t, o)
    elif kind == "shared-file":
        claim(o["saved"] == 0, "saved", t, o)
memory = whole["memory"]
claim(memory["mapped"] == sum(k["bytes"] for k in kinds.values()), "all", memory["mapped"])
claim(memory["mapped"] == sum(line["bytes"] for line in memory["ledger"]), "the ledger's sum")
for name, k in sorted(kinds.items()):
    print("%-18s %12d bytes, Rss %10d, told %10d, zero pages %8d, not saved %8d" %
          (name, k["bytes"], k["rss"], k["told"], k["zero"], k["unsaved"]))
    if name.endswith("-anonymous"):
        claim(memory["sharing"][name]["bytes"] == k["bytes"], name, memory["sharing"][name], k)
claim(sum(memory["sharing"][n]["bytes"] for n in ("private-file", "shared-file", "file")) ==
      sum(k["bytes"] for n, k in kinds.items() if n.endswith("-file")), "files")
sys.exit(1 if wrong else 0)
