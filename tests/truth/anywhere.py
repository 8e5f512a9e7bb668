#!/usr/bin/env python3
"""Asks `coreheap explain` about random addresses of every kind, and contradicts it where it can.

usage: anywhere.py COREHEAP CORE BLOCKS MAPS EXE [N]

BLOCKS is what refmark prints (address,usable,...), MAPS is /proc/PID/maps of the same moment, EXE
the program (its symbols by nm). N addresses of each kind (1000), by a fixed seed.
"""
import bisect
import csv
import json
import os
import random
import subprocess
import sys

coreheap, core, blocks_file, maps_file, exe = sys.argv[1:6]
N = int(sys.argv[6]) if len(sys.argv) > 6 else 1000
rng = random.Random(5)

blocks = sorted((int(r[0], 16), int(r[1])) for r in csv.reader(open(blocks_file))
                if r and r[0].startswith("0x"))
starts = [b[0] for b in blocks]
maps = []
for line in open(maps_file):
    words = line.split(None, 5)
    lo, hi = (int(x, 16) for x in words[0].split("-"))
    if lo < 1 << 47:
        path = words[5].strip() if len(words) > 5 else ""
        maps.append((lo, hi, words[1], int(words[2], 16), path))
maps.sort()
map_starts = [m[0] for m in maps]
symbols = {}
threads_own = {w[7].split("@")[0] for w in (line.split() for line in subprocess.run(
    ["readelf", "-sW", exe], stdout=subprocess.PIPE, text=True).stdout.splitlines())
    if len(w) == 8 and w[3] == "TLS"}  # their values are no addresses
base = next(lo - offset for lo, hi, mode, offset, path in maps
            if os.path.realpath(path) == os.path.realpath(exe))
if open(exe, "rb").read(18)[16] == 2:  # ET_EXEC: its symbols' values are addresses
    base = 0
out = subprocess.run(["nm", "-S", exe], stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL, text=True).stdout or subprocess.run(
    ["nm", "-S", "-D", exe], stdout=subprocess.PIPE, text=True).stdout  # a stripped one
for line in out.splitlines():
    words = line.split()
    if len(words) == 4 and words[2] in "tTdDbBrRvVwW" and words[3] not in threads_own:
        symbols.setdefault((base + int(words[0], 16), int(words[1], 16), words[2].lower()), []).append(
            words[3].split("@")[0])


def block_at(at):
    i = bisect.bisect_right(starts, at) - 1
    return blocks[i] if i >= 0 and at < blocks[i][0] + max(blocks[i][1], 1) else None


def map_at(at):
    i = bisect.bisect_right(map_starts, at) - 1
    return maps[i] if i >= 0 and at < maps[i][1] else None


def within(ranges):
    ranges = list(ranges)
    return [rng.choice(ranges) for _ in range(N)] if ranges else []


kinds = {}
kinds["block's start"] = [a for a, n in within(blocks)]
kinds["inside a block"] = [a + rng.randrange(max(n, 1)) for a, n in within(blocks)]
kinds["between blocks"] = [a for a in (rng.randrange(a + n, b) for (a, n), (b, _) in within(
    p for p in zip(blocks, blocks[1:]) if p[1][0] - p[0][0] < 1 << 20)) if not block_at(a)]
kinds["anywhere in the heap"] = [
    rng.randrange(lo, hi) for lo, hi in within(
        (m[0], m[1]) for m in maps if m[4] == "[heap]" or any(
            m[0] <= a < m[1] for a in rng.sample(starts, min(200, len(starts)))))]
for what, letters in (("function", "t"), ("object", "dbr")):
    kinds[what] = [a + rng.randrange(n) for a, n, c in within(k for k in symbols if k[2] in letters)]
kinds["stack"] = [rng.randrange(m[0], m[1]) for m in within(m for m in maps if m[4] == "[stack]")]
kinds["file"] = [rng.randrange(m[0], m[1]) for m in within(m for m in maps if m[4].startswith("/"))]
kinds["anonymous"] = [rng.randrange(m[0], m[1]) for m in within(
    m for m in maps if not m[4] and "w" in m[2])]
kinds["no mapping"] = [a for a in (rng.randrange(1, 1 << 47) for _ in range(N)) if not map_at(a)]
kinds["a gap"] = [a for a in (rng.choice((m[0] - 1 - rng.randrange(1 << 13), m[1] + rng.randrange(1 << 13)))
                              for m in within(maps)) if 0 < a < 1 << 47 and not map_at(a)]

wrong = 0


def check(kind, at, e):
    """What in e contradicts the truth; None: nothing."""
    m, b = map_at(at), block_at(at)
    block = e.get("block")
    told = block and e["kind"] == "block" and block["state"] == "used"
    if b and not (told and (int(block["address"], 16), block["size"]) == b):
        return f"block {b[0]:#x} of {b[1]} B"
    if b and e["offset"] != at - b[0]:
        return f"offset {at - b[0]}"
    if not b and told:
        return "no live block"
    if (e["kind"] == "unmapped") != (m is None):
        return "no mapping" if m is None else f"mapping {m[0]:#x}"
    if m:
        lo, hi = int(e["mapping"]["start"], 16), int(e["mapping"]["end"], 16)
        if not lo <= at < hi:
            return "its mapping does not hold it"
        if m[4].startswith("/") and m[4] not in (e["mapping"].get("holds") or "") + e["where"]:
            return f"mapping of {m[4]}"
        if m[4] == "[stack]" and "stack" not in e["kind"] and e["kind"] not in ("red-zone", "guard"):
            return "the main stack"
    if kind in ("function", "object"):
        s = e.get("symbol", {})
        names = [names for (a, n, c), names in symbols.items() if a <= at < a + n]
        if not any(s.get("raw", s.get("name")) in n or s.get("name") in n for n in names):
            return f"symbol {names}"
        if not any(a + s["offset"] == at for a, n, c in symbols if a <= at < a + n):
            return "offset into the symbol"
    return None


for kind, addresses in kinds.items():
    bad = 0
    for i in range(0, len(addresses), 1000):
        part = addresses[i:i + 1000]
        out = subprocess.run([coreheap, "explain", "--json", "-q", "-n", "1", core, *map(hex, part)],
                             stdout=subprocess.PIPE, check=True).stdout
        for at, e in zip(part, json.loads(out)["explain"], strict=True):
            said = check(kind, at, e)
            if said:
                bad += 1
                if bad <= 5:
                    print(f"{kind} {at:#x}: said {e['kind']} {e['where']}; truth: {said}")
    print(f"{kind}: {len(addresses)} addresses, {bad} contradicted")
    wrong += bad
    if not addresses:
        print(f"{kind}: none was found")
        wrong += kind not in ("stack",)
sys.exit(wrong > 0)
