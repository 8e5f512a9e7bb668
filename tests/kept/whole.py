#!/usr/bin/env python3
"""whole.py CORE BLOCKS.jsonl MOST: the region of libcoreheap_sites.so, read as doc/sites.md tells,
against the used blocks: all but MOST have an entry, all but MOST entries a block, none has two, and
each entry's stack is complete."""
import json
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import callers  # noqa: E402


def main():
    stacks = callers.kept(callers.Core(sys.argv[1]))
    most = int(sys.argv[3])
    used = set()
    for line in open(sys.argv[2]):
        row = json.loads(line)
        if row["state"] == "used":
            used.add(int(row["address"], 16))
    without = [a for a in used if a not in stacks]
    stale = [a for a in stacks if a not in used]
    empty = [a for a, stack in stacks.items() if not stack or not all(stack)]
    print(len(used), "blocks,", len(without), "without a stack,", len(stale), "stacks without a block")
    return len(without) > most or len(stale) > most or bool(empty) or len(used) < 1000


sys.exit(main())
