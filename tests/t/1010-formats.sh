#!/usr/bin/env bash
# The formats tell the same story: CSV, JSONL, JSON and text of blocks and leaks, recomputed from the
# list of blocks.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

for case in bookworm-dynamic bookworm-gcore trixie-static sid-dynamic; do
	zstd -q -d -f --sparse "$SRC/corpus/$case/core.zst" -o core
	"$COREHEAP" blocks core --format csv >blocks.csv
	"$COREHEAP" blocks core --format jsonl >blocks.jsonl
	"$COREHEAP" blocks core --json >blocks.json
	"$COREHEAP" blocks core >blocks.txt
	"$COREHEAP" leaks core --json >leaks.json
	"$COREHEAP" leaks core --format csv >leaks.csv
	"$COREHEAP" leaks core --format jsonl >leaks.jsonl
	"$COREHEAP" summary core --json >summary.json
	is "$case: the header of blocks" "$(head -n 1 blocks.csv)" \
		'address,size,state,reach,kind,arena,type,site'
	cat >check.py <<'PY'
import collections, csv, json
rows = list(csv.DictReader(open("blocks.csv")))
problems = []
def same(what, got, want):
    if got != want:
        problems.append(f"{what}: got {got!r:.200}, want {want!r:.200}")
def tally(which):
    which = list(which)
    return {"blocks": len(which), "bytes": sum(int(r["size"]) for r in which)}
at = [int(r["address"], 16) for r in rows]
same("addresses rise", at, sorted(set(at)))
same("there are blocks", len(rows) > 1000, True)
for r in rows:
    same("state", r["state"] in ("used", "free", "internal"), True)
    same("reach of " + r["state"], r["reach"] != "", r["state"] == "used")
    same("kind", r["kind"] in ("brk", "arena", "mmap"), True)
    same("site of " + r["state"], r["site"] == "" or r["state"] == "used", True)
    same("type of " + r["state"], r["type"] == "" or r["state"] == "used", True)
    same("only whole lines", None in r.values() or None in r, False)
def plain(o):
    return {"address": o["address"], "size": str(o["size"]), "state": o["state"],
            "reach": o.get("reach", ""), "kind": o["kind"], "arena": str(o["arena"]),
            "type": o.get("type", ""), "site": o.get("site", "")}
same("jsonl", [plain(json.loads(line)) for line in open("blocks.jsonl")], rows)
same("json", [plain(o) for o in json.load(open("blocks.json"))["blocks"]], rows)
text = [line.split() for line in list(open("blocks.txt"))[1:]]
same("text", [[w for w in (r["address"], r["size"], r["state"], r["reach"], r["kind"], r["arena"],
                           *r["type"].split()) if w] for r in rows], text)

leaks = json.load(open("leaks.json"))
by = collections.defaultdict(list)
for r in rows:
    by[r["reach"] or r["state"]].append(r)
for reach in ("definite", "indirect", "possible", "reachable"):
    same(reach, leaks["leaks"][reach], tally(by[reach]))
same("in use", leaks["memory"]["in_use"], tally(r for r in rows if r["state"] == "used")["bytes"])
same("free", leaks["memory"]["free_held"], tally(by["free"])["bytes"])
same("internal", leaks["memory"]["internal"], tally(by["internal"])["bytes"])
for s in leaks["sizes"]:
    for reach in ("definite", "indirect", "possible", "reachable"):
        same(f"size {s['size']} {reach}", s[reach],
             tally(r for r in by[reach] if int(r["size"]) == s["size"]))
same("sizes are all there", {s["size"] for s in leaks["sizes"]},
     {int(r["size"]) for r in rows if r["state"] == "used"})

found = [f for f in leaks["findings"] if f["kind"] == "leak"]
want = collections.defaultdict(list)
for r in by["definite"]:
    want["text" if r["type"] == "text" else (int(r["size"]), r["type"])].append(r)
def group(f): # text is as long as it is
    return "text" if f.get("type") == "text" else (f["size"], f.get("type", ""))
same("findings of each size and type", {group(f) for f in found}, set(want))
for k in want:
    these = [f for f in found if group(f) == k]
    same("finding", {n: sum(f[n] for f in these) for n in ("blocks", "bytes")}, tally(want[k]))
    same("example", min(f["example"] for f in these), want[k][0]["address"])
for f in found:
    same("retained", f["retained_bytes"], f["bytes"] + f["held"]["bytes"])
same("what heads hold, and what they share, is all that is indirect",
     {k: sum(f["held"][k] for f in found) + leaks["leaks"]["shared"][k]
      for k in ("blocks", "bytes")}, tally(by["indirect"]))
same("sorted by bytes", [f["bytes"] for f in found], sorted((f["bytes"] for f in found), reverse=True))
same("fingerprints differ", len({f["fingerprint"] for f in found}), len(found))
same("leaks.jsonl", [json.loads(line) for line in open("leaks.jsonl")], leaks["findings"])
for got, f in zip(csv.DictReader(open("leaks.csv")), leaks["findings"], strict=True):
    for key in ("kind", "fingerprint", "reach", "blocks", "bytes", "retained_bytes", "size", "example"):
        same("leaks.csv " + key, got[key], str(f.get(key, "")))
summary = json.load(open("summary.json"))
for key in ("leaks", "memory", "input", "process", "verdict", "sizes", "tool", "schema"):
    same("summary and leaks: " + key, summary[key], leaks[key])
m = leaks["memory"]
regions = sum(m["address_space"].values())
same("every mapped byte is in one region", regions, m["mapped"])
same("every resident byte too", sum(m[k] for k in m["address_space"]), m["resident"])
print("\n".join(problems[:10]))
PY
	is "$case: all formats agree with the list of blocks" "$(python3 check.py 2>&1)" ''
done

# ---- filters of blocks ----
filtered()
{
	local desc=$1 expression=$2
	shift 2
	is "blocks $desc" "$("$COREHEAP" blocks core --format csv "$@" | md5sum)" \
		"$(python3 - "$expression" <<'PY' | md5sum
import csv, sys
lines = open("blocks.csv").read().splitlines()
print(lines[0])
n = 0
for line, r in zip(lines[1:], csv.DictReader(open("blocks.csv"))):
    r["size"] = int(r["size"])
    if eval(sys.argv[1], {"n": n}, r):
        n += 1
        print(line)
PY
)"
}
"$COREHEAP" blocks core --format csv >blocks.csv
filtered '--state free' 'state == "free"' --state free
filtered '--state used,internal' 'state != "free"' --state used,internal
filtered '--reach definite' 'reach == "definite"' --reach definite
filtered '--reach leaked' 'reach in ("definite", "indirect")' --reach leaked
filtered '--reach possible,reachable' 'reach in ("possible", "reachable")' --reach possible,reachable
filtered '--size 24' 'size == 24' --size 24
filtered '--min-bytes 1K' 'size >= 1024' --min-bytes 1K
filtered '-n 7' 'n < 7' -n 7
filtered 'with all of them' 'reach == "definite" and 100 <= size and n < 3' --reach definite \
	--min-bytes 100 --state used -n 3
filtered 'that match nothing' 'False' --size 1234567890
is 'blocks --json that match nothing is an empty list' \
	"$("$COREHEAP" blocks core --json --size 1234567890 | python3 -c 'import json, sys
print(json.load(sys.stdin)["blocks"])')" '[]'

# ---- leaks: order, limits, groups ----
column()
{
	"$COREHEAP" leaks core --format csv "$@" | python3 -c 'import csv, sys
rows = list(csv.DictReader(sys.stdin))
key = sys.argv[1]
values = [int(r[key] or 0) for r in rows]
print(len(values) > 3, values == sorted(values, reverse=True))' "$key"
}
for key in bytes blocks size; do
	is "leaks --sort $key" "$(column --sort "$key")" 'True True'
done
key=retained_bytes
is 'leaks --sort retained' "$(column --sort retained)" 'True True'
is 'leaks -n 3' "$("$COREHEAP" leaks core --format csv -n 3)" \
	"$("$COREHEAP" leaks core --format csv | head -n 4)"
is 'leaks -n 0 lists all' "$("$COREHEAP" leaks core --format csv -n 0)" \
	"$("$COREHEAP" leaks core --format csv)"
is 'leaks --group-by size: a line a size' "$("$COREHEAP" leaks core --group-by size --format csv | cut -d, -f7 | sort | uniq -d)" ''
is 'leaks --min-bytes leaves small groups out' "$("$COREHEAP" leaks core --format csv \
	--min-bytes 10K | awk -F, 'NR > 1 && $6 < 10240' | wc -l)" 0
ok 'leaks --min-bytes keeps large groups' test "$("$COREHEAP" leaks core --format csv \
	--min-bytes 10K | wc -l)" -gt 3
is 'leaks --reach possible' "$("$COREHEAP" leaks core --format csv --reach possible | cut -d, -f1,3 |
	sort -u | tr '\n' ' ')" 'kind,reach possible,possible '
like 'leaks in text shows 20 groups and says how to see more' "$("$COREHEAP" leaks core)" \
	'and [0-9]+ more groups; -n 0 lists all'

# ---- --fail-on ----
blocks=$("$COREHEAP" leaks core --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["leaks"]["definite"]["blocks"])')
exits '--fail-on that holds' 1 "$COREHEAP" leaks core --fail-on 'leaked>0'
like '--fail-on that holds still gives the result' "$(cat stdout)" 'definite'
exits '--fail-on that does not' 0 "$COREHEAP" leaks core --fail-on 'definite>1T'
exits '--fail-on with blocks, at the limit' 1 "$COREHEAP" core --fail-on "definite.blocks>=$blocks"
exits '--fail-on with blocks, above it' 0 "$COREHEAP" core --fail-on "definite.blocks>$blocks"
exits '--fail-on wins over --strict' 1 "$COREHEAP" core --fail-on 'leaked>0' --strict
plan_done
