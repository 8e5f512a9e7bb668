#!/usr/bin/env python3
"""sums.py COREHEAP CORE...: each byte of the mappings is in one line of the ledger. What is mapped is read from
the program headers here, not taken from coreheap. Cores may be compressed by zstd. Exit 1 where a sum is off."""
import json
import struct
import subprocess
import sys

coreheap = sys.argv[1]
wrong = 0


def claim(holds, *what):
    global wrong
    if not holds:
        wrong += 1
        print("wrong:", *what)


def head_of(path):
    if not path.endswith(".zst"):
        return open(path, "rb").read(1 << 18)
    unpack = subprocess.Popen(["zstd", "-q", "-dc", path], stdout=subprocess.PIPE)
    head = unpack.stdout.read(1 << 18)
    unpack.stdout.close()
    unpack.kill()
    unpack.wait()
    return head


def mapped(path):
    """Bytes in memory of all PT_LOAD headers."""
    head = head_of(path)
    wide = head[4] == 2
    at, = struct.unpack_from("<Q" if wide else "<I", head, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", head, 54 if wide else 42)
    total = 0
    for i in range(at, at + size * count, size):
        kind, = struct.unpack_from("<I", head, i)
        if kind == 1:
            total += struct.unpack_from("<Q" if wide else "<I", head, i + (40 if wide else 20))[0]
    return total


def report(command, path):
    run = subprocess.run([coreheap, command, "--json", "-q", path], stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def judge(path):
    whole = report("maps", path)
    m, rows, lines = whole["memory"], whole["mappings"], whole["memory"]["ledger"]
    sizes = [int(r["end"], 16) - int(r["start"], 16) for r in rows]
    claim(sum(line["bytes"] for line in lines) == sum(sizes) == m["mapped"], path, "the ledger and the mappings")
    claim(whole["input"]["kind"] == "gcore" or m["mapped"] == mapped(path), path, "program headers")
    claim(m["mapped"] >= mapped(path), path, "less than the program headers have")
    for key in ("bytes", "saved", "resident", "unknown"):
        claim(sum(line[key] for line in lines) == sum(k[key] for k in m["sharing"].values()), path, "kinds", key)
    claim(sum(line["saved"] for line in lines) == sum(r["saved"] for r in rows), path, "saved")
    claim(sum(line["resident"] for line in lines) == sum(r.get("resident", 0) for r in rows) == m["resident"],
          path, "resident", m["resident"])
    for line in lines:
        claim(line["resident"] <= line["saved"] and line["saved"] + line["unknown"] <= line["bytes"], path, line)
    for row, size in zip(rows, sizes):
        claim(sum(p["bytes"] for p in row["parts"]) == size, path, "parts of", row)
    if "in_use" not in m:
        return
    of = {line["owner"]: line["bytes"] for line in lines}
    claim(of.get("malloc-in-use", 0) + of.get("malloc-mmapped", 0) == m["in_use"], path, "in use", of, m["in_use"])
    claim(sum(of.get("malloc-" + o, 0) for o in ("top", "bins", "tcache", "fastbins")) == m["free_held"],
          path, "free", of, m["free_held"])
    word = 4 if whole["process"]["arch"] == "i386" else 8
    blocks = m["in_use_blocks"] + m["free_blocks"]
    claim(of.get("malloc-own", 0) >= m["internal"] + word * blocks, path, "malloc's own", of, m["internal"], blocks)


for core in sys.argv[2:]:
    judge(core)
print(len(sys.argv) - 2, "cores,", wrong, "wrong")
sys.exit(1 if wrong else 0)
