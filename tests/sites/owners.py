#!/usr/bin/env python3
"""Whose is content that tells no site? The truth is what owned.c wrote down.

    owners.py COREHEAP CORE TRUTH names|addresses

With names an owner is right that has the type's name, or none, and the function that allocates it;
without, where all blocks of one owner's kind say the same, and no other kind's do.
"""
import json
import subprocess
import sys

coreheap, core, truth, how = sys.argv[1:]


def run(*args):
    return subprocess.run((coreheap,) + args, capture_output=True, text=True, check=True).stdout


def fail(*what):
    print(*what)
    sys.exit(1)


blocks = {b["address"]: b for b in map(json.loads, run(
    "blocks", "--format=jsonl", "--state", "used", core).splitlines())}
owned = [line.split() for line in open(truth)]
open_ = [(blocks[at], kind, function) for at, kind, function in owned if "site" not in blocks[at]]
told = [(b, kind, function) for b, kind, function in open_ if "owner" in b]
if how == "names":
    right = [b for b, kind, function in told if function + " (" in b["owner"] and
             b["owner"].startswith((kind + ",", "a block allocated in "))]
else:
    kinds = {}
    for b, kind, _ in told:
        kinds.setdefault(b["owner"], {}).setdefault(kind, []).append(b)
    right = [b for said in kinds.values() for b in max(said.values(), key=len)]
    if len(kinds) != len({kind for _, kind, _ in told}):
        fail("so many owners are told of apart:", kinds.keys())
print("content: %d blocks, without a site of its own: %d; owner told: %d, right: %d" % (
    len(owned), len(open_), len(told), len(right)))
if len(told) < 0.6 * len(open_) or len(right) < 0.95 * len(told) or not told:
    fail([b for b, _, _ in told if b not in right][:3])

# leaks, blocks and explain say the same, and each says that it is the owner's site.
findings = json.loads(run("leaks", "--json", "-n", "0", "--reach", "indirect", core))["findings"]
with_owner = [f for f in findings if "owner" in f]
if not with_owner or any("site" in f for f in with_owner):
    fail("leaks tell no owner, or one beside a site:", findings)
some = [b["address"] for b, _, _ in told[::97]]
for e in json.loads(run("explain", "--json", core, *some))["explain"]:
    b = blocks[e["address"]]
    if (e.get("owner"), e.get("owner_address")) != (b["owner"], b["owner_address"]) or "site" in e:
        fail("explain:", e, "blocks:", b)
if "held by " + told[0][0]["owner"] not in run("explain", core, told[0][0]["address"]):
    fail("explain's text does not tell the owner")
