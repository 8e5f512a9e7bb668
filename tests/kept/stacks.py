#!/usr/bin/env python3
"""stacks.py TRUTH EXPLAIN.json: the frames of blocks that `kept` told of, outwards."""
import json
import sys

truth = {}
for line in open(sys.argv[1]):
    address, function, caller = line.split()
    truth[address] = (function, caller)
wrong = whole = 0
rows = json.load(open(sys.argv[2]))["explain"]
for row in rows:
    names = [f.get("function", "?") for f in row.get("stack", [])]
    function, caller = truth[row["address"]]
    at = names.index(function) if function in names else -1
    want = [function, caller, "one", "deep"]
    good = at >= 0 and names[at:at + 4] == want
    deep = names.count("deep")
    # what called all that is there, too, if there was room for it
    if good and len(names) < 16:
        good = names[at + 3 + deep] == "work" and deep >= 1
        whole += good
    if not good:
        wrong += 1
        if wrong < 10:
            print(row["address"], function, names)
print(f"{len(rows)} stacks, {wrong} wrong, {whole} whole")
sys.exit(1 if wrong or not whole else 0)
