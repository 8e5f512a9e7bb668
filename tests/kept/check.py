#!/usr/bin/env python3
"""check.py TRUTH BLOCKS.jsonl METHOD: does every block that `kept` told of have its site?"""
import json
import sys

truth = {}
for line in open(sys.argv[1]):
    address, function, caller = line.split()
    truth[address] = function
found = {}
for line in open(sys.argv[2]):
    row = json.loads(line)
    if row["state"] == "used":
        found[row["address"]] = row
wrong = 0
for address, function in truth.items():
    row = found.get(address, {})
    site = row.get("site", "")
    if site.split("+")[0].split(" ")[0] != function or row.get("site_method") != sys.argv[3]:
        wrong += 1
        if wrong < 10:
            print(f"{address}: {row}, not {function}")
print(f"{len(truth)} blocks, {wrong} wrong")
sys.exit(1 if wrong or len(truth) < 800 else 0)
