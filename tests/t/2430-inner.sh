#!/usr/bin/env bash
# Pointers into the middle of blocks: those that a program keeps its blocks by are told from single
# words that point there. The victim says which is which; verdicts stay `possible`.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
compile inner "$SRC/tests/victims/inner.c" || skip_all 'no compiler'
kernel_core core "$OUT/inner"
mv core.log truth

cat >check.py <<'PY'
import json, subprocess, sys
coreheap, core, truth = sys.argv[1:]
how = dict(line.split() for line in open(truth))
out = subprocess.run([coreheap, "explain", core, "--json", "-q", *how], stdout=subprocess.PIPE,
                     check=True).stdout
bad = tried = strong = 0
for e in json.loads(out)["explain"]:
    true = how[e["address"]]
    if e["block"]["reach"] == "reachable":  # a register or a dead frame still has its start
        strong += 1
        continue
    tried += 1
    said = "structural" if e["structural"] else "weak"
    edges = [p.get("structural") for p in e["referrers"]["blocks"] + e["referrers"]["roots"]]
    if e["block"]["reach"] != "possible" or said != true or True not in edges and true != "weak":
        bad += 1
        print(e["address"], true, said, e["block"]["reach"], edges)
print(f"{tried} tried, {bad} wrong, {strong} have a start pointer")
sys.exit(bad > 0 or tried < 150)
PY
ok 'explain tells what the victim does' python3 check.py "$COREHEAP" core truth
node=$(awk 'NR == 50 { print $1 }' truth)
like 'a shared offset is told with its numbers' "$("$COREHEAP" explain core "$node")" \
	'16 bytes into it \(where [0-9]+ of [0-9]+ pointers to blocks like this one point\)'
like 'a structural block is in use' "$("$COREHEAP" explain core "$node")" \
	'possible; .*structural: in use by what holds it'
behind=$(awk '$2 == "structural" { n++ } n == 160 { print $1; exit }' truth)
like 'so is a place that many referrers point from' "$("$COREHEAP" explain core "$behind")" \
	'bytes into it \(as 40 of 40 pointers in this place of such blocks do\)'
weak=$(awk '$2 == "weak" { n++ } n == 6 { print $1; exit }' truth) # of by_chance
like 'a weak edge is shown' "$("$COREHEAP" explain core "$weak")" '96 bytes into it \(weak\)'

cat >leaks.py <<'PY'
import csv, json, sys
how = dict(line.split() for line in open("truth"))
report = json.load(open("leaks.json"))
found = [f for f in report["findings"] if f["kind"] == "possible"]
rows = {r["address"]: r["reach"] for r in csv.DictReader(open("blocks.csv"))}
want = {k: sum(v == k and rows[a] == "possible" for a, v in how.items()) for k in ("structural", "weak")}
got = {k: sum(f["blocks"] for f in found if f["interior"] == k) for k in ("structural", "weak")}
print(got["structural"] >= want["structural"] > 140, got["weak"] >= want["weak"] > 10,
      sum(got.values()) == report["leaks"]["possible"]["blocks"],
      report["leaks"]["structural"]["blocks"] == got["structural"],
      sum(got.values()) - sum(want.values()) <= 5,
      all(f["interior"] == how[f["example"]] for f in found if f["example"] in how))
PY
"$COREHEAP" blocks core --format csv >blocks.csv
"$COREHEAP" leaks core --reach possible --json >leaks.json
is 'findings are told apart, too' "$(python3 leaks.py)" 'True True True True True True'
like 'and in text' "$("$COREHEAP" leaks core --reach possible)" ' structural +0x'

# Two of a kind only, each kept by its link; debug information has a link there. A third is kept by
# a pointer to where there is none.
cat >few.c <<'C'
#include <stdio.h>
#include <stdlib.h>
struct link { struct link *next; long owner; };
struct job { long id; double cost; struct link link; char name[60]; };
struct link *jobs;
long *inside;
void leave(void) { abort(); }
int main(void)
{
	for (int i = 0; i < 3; i++) {
		struct job *j = calloc(1, sizeof(*j));
		j->id = i;
		j->cost = 0.5;
		printf("%p\n", (void *)j);
		if (i == 2)
			inside = (long *)&j->name[12];
		else
			j->link.next = jobs, jobs = &j->link;
	}
	fflush(stdout);
	leave();
}
C
gcc -g -O1 -o few few.c
kernel_core few.core "$OUT/few"
mapfile -t jobs <few.core.log
text=$("$COREHEAP" explain few.core "${jobs[0]}")
like 'a link is a member of the type' "$text" '16 bytes into it \(to a member, as debug information has it\)'
like 'and its block in use' "$text" 'possible; .*structural: in use by what holds it'
like 'what is no member is not' "$("$COREHEAP" explain few.core "${jobs[2]}")" '44 bytes into it \(weak\)'
plan_done
