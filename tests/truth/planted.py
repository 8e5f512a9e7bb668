#!/usr/bin/env python3
"""planted.py SAID REFERENCE.csv: what planted.c said of its blocks against the reference marker.

Each line `name size count reach` must be met exactly: so many blocks of that requested size, so
reached, and none of that size otherwise.
"""
import collections
import csv
import sys

want = collections.Counter()
for line in open(sys.argv[1]):
    words = line.split()
    if len(words) >= 4 and words[-1] in ("reachable", "possible", "definite", "indirect"):
        want[int(words[-3]), words[-1]] += int(words[-2])
got = collections.Counter()
sizes = {size for size, reach in want}
with open(sys.argv[2], newline="") as f:
    for row in csv.DictReader(f):
        if int(row["requested"]) in sizes:
            got[int(row["requested"]), row["reach"]] += 1
for key in sorted(got.keys() | want.keys()):
    if got[key] != want[key]:
        print("%d bytes, %s: %d found, %d planted" % (*key, got[key], want[key]))
print("%d kinds, %d blocks planted" % (len(want), sum(want.values())))
sys.exit(0 if want and got == want else 1)
