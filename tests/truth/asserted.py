#!/usr/bin/env python3
"""Compares the types that coreheap asserts with what the program itself declared.

usage: asserted.py COREHEAP CORE TRUTH [--all-of REGEX]... [--share SHARE]

TRUTH has "address<TAB>type" lines. Of the blocks named there: those whose type is asserted must be
right in at least 98 %, and of those whose declared type matches a REGEX of --all-of at least 99 %
(or SHARE) must be asserted and right. A type "?" is one that nothing may be asserted of. Prints
coverage; exits 1 where a bar is missed. A name may say more than
the truth: what it holds ("std::vector<T> buffer"), whose it is ("std::map node in T").
"""
import collections
import json
import re
import subprocess
import sys

RIGHT, ALL = 0.98, 0.99


def right(said, true):
    said = re.sub(r" in .*$", "", said)
    if said == true:
        return True
    said = re.sub(r"^std::(unordered_)?set(<.*> node)$", r"std::\1map\2", said)
    for word in ("vector", "list", "map", "deque", "unordered_map"):
        said = re.sub(r"^(std::%s)<.*>( \w+)$" % word, r"\1\2", said)
    return said == true


def main():
    coreheap, core, truth_file, *rest = sys.argv[1:]
    patterns = [rest[i + 1] for i in range(0, len(rest), 2) if rest[i] == "--all-of"]
    share = ([float(rest[i + 1]) for i in range(0, len(rest), 2) if rest[i] == "--share"] or [ALL])[0]
    truth = dict(line.rstrip("\n").split("\t", 1) for line in open(truth_file))
    out = subprocess.run([coreheap, "blocks", core, "--state", "used", "--format", "jsonl", "--no-sites",
                          "-q"],
                         check=True, stdout=subprocess.PIPE).stdout
    rows = {}
    for line in out.splitlines():
        row = json.loads(line)
        rows[row["address"]] = row
    bad = []
    told = good = 0
    kinds = collections.defaultdict(lambda: [0, 0, 0])
    wrong = collections.Counter()
    for address, true in truth.items():
        row = rows.get(address)
        if not row:
            bad.append(f"{address} {true}: no used block")
            continue
        k = kinds[true]
        k[0] += 1
        said = row.get("type")
        if said is None:
            continue
        told += 1
        k[1] += 1
        if right(said, true):
            good += 1
            k[2] += 1
        else:
            wrong[(true, said, row["type_method"])] += 1
    for true, (n, t, g) in sorted(kinds.items(), key=lambda item: -item[1][0]):
        print(f"{n:7} blocks, {t:7} told, {g:7} right  {true}")
    for (true, said, method), n in wrong.most_common(20):
        print(f"wrong: {n} of {true}: said {said} ({method})")
    print(f"told {told} of {len(truth)} ({told / max(1, len(truth)):.1%}), "
          f"right {good} ({good / max(1, told):.2%})")
    if not told:
        bad.append("no type was told")
    elif good < RIGHT * told:
        bad.append(f"{good} of {told} asserted types are right, fewer than {RIGHT:.0%}")
    for pattern in patterns:
        n = sum(k[0] for true, k in kinds.items() if true != "?" and re.search(pattern, true))
        g = sum(k[2] for true, k in kinds.items() if re.search(pattern, true))
        print(f"{pattern}: {g} of {n}")
        if not n or g < share * n:
            bad.append(f"{pattern}: {g} of {n} known and right, fewer than {share:.0%}")
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
