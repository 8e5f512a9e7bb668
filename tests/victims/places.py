#!/usr/bin/env python3
"""Compares what `coreheap explain` says with what tests/victims/places.c said of itself.

usage: places.py COREHEAP CORE TRUTH     prints what differs; exit 1 where anything does
"""
import json
import os
import subprocess
import sys


def answer(entry, key):
    """What coreheap says under a key of the victim's, as text; None: nothing."""
    block = entry.get("block", {})
    path = entry.get("path")
    counts = entry.get("referrers", {}).get("counts", {})
    if key in ("state", "size", "reach"):
        return block.get(key)
    if key == "path":
        return path["from"] if path else "none"
    if key == "length":
        return path and path["length"]
    if key == "first":
        return path and path["steps"][0]["where"]
    if key == "interior":
        return int(any(step["interior"] for step in path["steps"])) if path else 0
    if key in ("roots", "blocks", "self", "stale"):
        return counts.get(key, 0)
    if key == "saved":
        return int(entry["saved"])
    if key == "mapping":
        return entry["mapping"]["kind"]
    if key == "symbol":
        return entry["symbol"].get("name")
    if key == "module":
        return os.path.basename(entry["symbol"]["module"])
    return entry.get(key)


def agrees(key, got, want):
    if key == "stale":  # leftovers elsewhere are as right
        return got >= int(want)
    if key in ("first", "list"):
        return got is not None and want in str(got)
    return str(got) in want.split("|")


def main():
    coreheap, core, truth = sys.argv[1:]
    items = []
    for line in open(truth):
        words = line.split()
        if len(words) > 2 and words[1].startswith("0x"):
            items.append((words[0], words[1], dict(word.split("=", 1) for word in words[2:])))
    report = json.loads(subprocess.run(
        [coreheap, "explain", "--json", core, *[address for _, address, _ in items]],
        stdout=subprocess.PIPE, check=True).stdout)
    wrong = checked = 0
    for (name, address, wants), entry in zip(items, report["explain"], strict=True):
        assert int(entry["address"], 16) == int(address, 16), (name, address, entry["address"])
        for key, want in wants.items():
            got = answer(entry, key)
            checked += 1
            if not agrees(key, got, want):
                wrong += 1
                print(f"{name} {address}: {key} is {got}, should be {want}")
    print(f"{len(items)} addresses, {checked} facts, {wrong} wrong")
    return 1 if wrong or checked < 100 else 0


sys.exit(main())
