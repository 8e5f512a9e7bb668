"""growing.py DIFF.json TRUTH TRUTH... [--estimated] [--list=FATES.csv]: is what it tells true?

DIFF.json: of its snapshots, taken a minute apart (--interval 60s). TRUTH.<n>: what it wrote then.
FATES.csv: of the last two, what became of each block.
Prints what differs; exits 1 where there is something.
"""
import json
import sys

estimated = "--estimated" in sys.argv
names = [a for a in sys.argv[1:] if not a.startswith("--")]
diff = json.load(open(names[0]))
steps = []
for name in names[1:]:
    blocks = {}
    for line in open(name):
        address, size, serial = line.split()
        blocks[int(address, 16)] = (int(size), serial)
    steps.append(blocks)
problems = []


def near(what, got, want, share):
    print(f"{what}: {got}, {want} by the victim")
    if abs(got - want) > abs(want) * share:
        problems.append(what)


def row(**keys):
    found = [f for f in diff["findings"] if all(f.get(k) == v for k, v in keys.items())]
    if len(found) != 1:
        problems.append(f"{len(found)} rows of {keys}")
        return {}
    return found[0]


def bytes_of(blocks, size):
    return sum(s for s, _ in blocks.values() if s == size)


# kinds, and rates: the rows are told apart by the sizes that the victim gives its blocks
hours = (len(steps) - 1) / 60
for size, reach, change in ((72, "definite", "growing-leak"), (200, "reachable", "levelled-off"),
                            (120, "reachable", "churn")):
    f = row(size=size, reach=reach)
    if f.get("change") != change:
        problems.append(f"{size} bytes: {f.get('change')}, not {change}")
    want = (bytes_of(steps[-1], size) - bytes_of(steps[0], size)) / hours
    near(f"rate of {size} bytes", f.get("bytes_per_hour", -1), want, 0.02)
f = row(change="fragmentation-growth")
near("rate of free memory", f.get("bytes_per_hour", -1), 1500 * 2008 * 60, 0.02)
f = row(change="mapping-growth", mapping="anonymous")
near("rate of mappings", f.get("bytes_per_hour", -1), (3 << 20) * 60, 0.02)
for f in diff["findings"]:
    if f.get("size") == 200 and f["kind"] == "leak":
        problems.append("the cache is called a leak")
if not estimated:
    for size, holder in ((24, "pin"), (200, "cache")):
        f = row(size=size, reach="reachable")
        if f.get("owner") != holder:
            problems.append(f"{size} bytes held by {f.get('owner')}, not {holder}")
top = [(f["change"], f.get("size")) for f in diff["findings"][:3]]
if sorted(top, key=str) != [("fragmentation-growth", None), ("growing-leak", 72),
                            ("mapping-growth", None)]:
    problems.append(f"first are {top}")

# what became of the blocks
for i, (old, new) in enumerate(zip(steps, steps[1:])):
    told = diff["diff"]["intervals"][i]
    same = {a for a in new if a in old and new[a][0] == old[a][0]}
    kept = sum(new[a][1] == old[a][1] for a in same)
    share = 0.1 if estimated else 0.005
    near(f"survivors {i + 1}", told["survived"]["blocks"], kept, share)
    near(f"replaced {i + 1}", told["replaced"]["blocks"], len(same) - kept, share)
    near(f"born {i + 1}", told["born"]["blocks"], len(new) - len(same), share)
    if told["disproved"]["blocks"]:
        problems.append("a leaked block is said to have been freed")
    if told["estimated"] != estimated:
        problems.append("estimated or not")
# block by block
for name in [a[7:] for a in sys.argv[1:] if a.startswith("--list=")]:
    old, new = steps[-2:]
    right = wrong = missed = 0
    for line in list(open(name))[1:]:
        address, size, reach, kind, fate = line.rstrip("\n").split(",")
        block = new.get(int(address, 16))
        if block is None:
            continue  # the C library's own
        same = old.get(int(address, 16)) == block
        first = len(steps) > 2 and int(address, 16) in old and steps[-3].get(
            int(address, 16)) != block
        if fate in ("survived", "cohort"):
            right += same
            wrong += not same
            if same and (fate == "cohort") != first:
                problems.append(f"{address} of the cohort or not")
        else:
            missed += same
    print(f"survivors: {right} right, {wrong} wrong, {missed} missed")
    if not right or wrong > 0.005 * (right + wrong) or missed > 0.005 * right:
        problems.append("survivors are not precise")
print(*problems, sep="\n")
sys.exit(bool(problems))
