#!/usr/bin/env python3
"""Compares what coreheap says of a core with the truth.

    compare.py BLOCKS.csv REFERENCE.csv     coreheap's `blocks --format=csv`, refmark's output
    compare.py --same A.csv B.csv           coreheap's answers on two cores of one moment

Prints counts and the first ten of each difference; ends with 1 where there is one. Blocks whose
state is not `used` are no blocks of the program's.
"""
import csv
import sys

SHOWN = 10


def product(path):
    blocks = {}
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            if row["state"] == "used":
                if int(row["address"], 16) in blocks:
                    print("listed twice: " + row["address"])
                    sys.exit(1)
                blocks[int(row["address"], 16)] = (int(row["size"]), row["reach"], "")
    return blocks


def reference(path):
    blocks = {}
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            blocks[int(row["address"], 16)] = (
                int(row["usable"]), row["reach"],
                "requested %s by %s" % (row["requested"], row["caller"]))
    return blocks


def show(title, addresses, got, want):
    if not addresses:
        return 0
    print("%s: %d" % (title, len(addresses)))
    for address in sorted(addresses)[:SHOWN]:
        g, w = got.get(address), want.get(address)
        print("  %#x got %s, want %s" % (address, g and g[:2], w))
    return len(addresses)


def leaked(blocks):
    return {a for a, b in blocks.items() if b[1] in ("definite", "indirect")}


def main():
    args = sys.argv[1:]
    same = args[:1] == ["--same"]
    if len(args) != 2 + same:
        sys.exit(__doc__)
    got = product(args[same])
    want = product(args[same + 1]) if same else reference(args[1])
    both = got.keys() & want.keys()
    wrong = show("used: missing", want.keys() - got.keys(), got, want)
    wrong += show("used: extra", got.keys() - want.keys(), got, want)
    wrong += show("used: wrong size", {a for a in both if got[a][0] != want[a][0]}, got, want)
    wrong += show("leaked: missing", leaked(want) - leaked(got), got, want)
    wrong += show("leaked: extra", leaked(got) - leaked(want), got, want)
    for reach in ("reachable", "possible", "definite", "indirect"):
        wrong += show("should be " + reach, {a for a in both if want[a][1] == reach != got[a][1]},
                      got, want)
    print("%d used, %d leaked, %d differences" % (len(want), len(leaked(want)), wrong))
    if not want:
        print("nothing to compare")
    sys.exit(1 if wrong or not want else 0)


main()
