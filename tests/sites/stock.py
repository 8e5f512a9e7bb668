#!/usr/bin/env python3
"""Programs as they are installed: is what is called likely right, and what comes first in lists?

    stock.py COREHEAP CORE TRUTH LIKELY LISTED TOLD

A claim is right where it is any frame of the block's stack that stacks.c recorded, as the return
address in its module or a line by addr2line. Exits 1 where less than LIKELY percent of those called
likely or less than LISTED percent of the first of lists are right, or less than TOLD blocks have either;
what is silent else is right.
"""
import json
import os
import re
import subprocess
import sys

sys.argv, tail = sys.argv[:4], sys.argv[4:]
FRAMES = 16
WORD = 1 << 64


def truth_of(path):
    blocks, size = {}, 2 + FRAMES
    with open(path, "rb") as f:
        while True:
            piece = f.read(size * 8 * 4096)
            if not piece:
                return blocks
            if not any(piece):
                continue
            words = memoryview(piece).cast("Q")
            for i in range(0, len(words) - size + 1, size):
                if words[i]:
                    blocks[WORD - 1 - words[i]] = tuple(WORD - 1 - w for w in words[i + 2:i + size] if w)


def bias_of(module):
    """Executables at fixed addresses have none: their file's type (ELF, e_type) is ET_EXEC."""
    with open(module["path"], "rb") as f:
        return 0 if f.read(18)[16] == 2 else int(module["start"], 16)


def main():
    coreheap, core, truth = sys.argv[1:4]
    summary = json.loads(subprocess.run([coreheap, "summary", "--json", "--no-sites", core],
                                        capture_output=True, text=True).stdout)
    modules = [(int(m["start"], 16), int(m["end"], 16), m["path"], bias_of(m))
               for m in summary["modules"] if os.path.isfile(m["path"])]
    blocks, lines = truth_of(truth), {}

    def frames(stack):
        found = set()
        for address in stack:
            for start, end, path, bias in modules:
                if not start <= address < end:
                    continue
                found.add("%s+0x%x" % (os.path.basename(path), address - bias))
                found.update(lines_of(path, address - bias))
        return found

    def lines_of(path, offset):
        if (path, offset) not in lines:
            run = subprocess.run(["addr2line", "-i", "-e", path, "0x%x" % (offset - 1)],
                                 capture_output=True, text=True)
            lines[path, offset] = {os.path.basename(line.split(" (")[0])
                                   for line in run.stdout.split("\n")} - {"", "??:0", "??:?"}
        return lines[path, offset]

    def right(claim, stack):
        match = re.search(r"\(([^()]*)\)$", claim)
        return (match.group(1) if match else claim) in frames(stack)

    count = {"likely": [0, 0], "listed": [0, 0]}
    known = {}
    run = subprocess.run([coreheap, "blocks", "--format=jsonl", "--state", "used", core],
                         capture_output=True, text=True)
    total = 0
    for line in run.stdout.splitlines():
        block = json.loads(line)
        stack = blocks.get(int(block["address"], 16))
        if not stack:
            continue
        total += 1
        claim = block.get("site") or block.get("site_candidates", [None])[0]
        if not claim:
            continue
        if (claim, stack) not in known:
            known[claim, stack] = right(claim, stack)
        tally = count["likely" if "site" in block else "listed"]
        tally[0] += 1
        tally[1] += known[claim, stack]
    bad = total < 100 or sum(said for said, _ in count.values()) < int(tail[2])
    for (kind, (said, true)), least in zip(count.items(), tail):
        print("%s: %d of %d blocks, right %d" % (kind, said, total, true))
        bad = bad or true * 100 < said * float(least)
    sys.exit(1 if bad else 0)


main()
