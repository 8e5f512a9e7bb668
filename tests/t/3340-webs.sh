#!/usr/bin/env bash
# What hangs on each leak alone, and what several share: as the program says that made them.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

"$CC" -O1 -g -Wall -Wextra -pthread -o webs "$SRC/tests/truth/webs.c"
cat >told.py <<'PY'
"""What the report says of heads of the sizes that the program tells of, in the program's words."""
import json, sys
report = json.load(open(sys.argv[1]))
sizes = {int(line.split()[0]) for line in open(sys.argv[2]) if not line.startswith("all")}
for f in report["findings"]:
    if f.get("size") in sizes and f["reach"] == "definite":
        assert f["blocks"] == 1, f
        print(f["size"], 1 + f["held"]["blocks"], f["retained_bytes"], f["shared"]["blocks"],
              f["shared"]["bytes"], f["shared"]["heads"])
leaks = report["leaks"]
print("all", leaks["shared"]["blocks"], leaks["shared"]["bytes"])
heads = [f for f in report["findings"] if f.get("reach") == "definite"]
for what in "blocks", "bytes":
    total = sum(f[what] + f["held"][what] for f in heads) + leaks["shared"][what]
    assert sum(f[what] for f in heads) == leaks["definite"][what]
    assert total == leaks["definite"][what] + leaks["indirect"][what], what
    print(what, "add up", file=sys.stderr)
PY

# compare NAME ARG...: a web of this kind comes out as it was made.
compare()
{
	local name=$1
	shift
	kernel_core core "$OUT/webs" "$@"
	sort core.log >truth
	"$COREHEAP" leaks core --json >report.json
	python3 told.py report.json truth 2>sums | sort >told
	ok "$name: what hangs on whom is as declared ($(wc -l <truth) lines)" diff truth told
	is "$name: heads, what they hold and what is shared add up to what is leaked" \
		"$(cat sums)" $'blocks add up\nbytes add up'
}

compare planted planted
for seed in 1 2 3 4; do
	compare "random $seed" random 300 $seed
done
# What goes with a block, by explain: 16 at a time.
retained()
{
	"$COREHEAP" blocks core --state used --format csv >blocks.csv
	awk -F, 'NR == FNR { split($0, f, " "); told[f[1]] = 1; next }
		$2 in told && !($2 in seen) { seen[$2] = 1; print $1 }' truth blocks.csv | head -n 96 |
		xargs -n 16 "$COREHEAP" explain core --json | python3 -c '
import json, sys
text, at, decode = sys.stdin.read(), 0, json.JSONDecoder().raw_decode
while at < len(text.rstrip()):
    report, at = decode(text, at)
    at += 1
    for e in report["explain"]:
        print(e["block"]["size"], e["retained"]["blocks"], e["retained"]["bytes"])' | sort >retained
	cut -d' ' -f1-3 truth | sort | comm -12 - retained | wc -l
}
kernel_core core "$OUT/webs" random 300 5
sort core.log >truth
is 'explain: what goes with a leak' "$(retained)" 96
kernel_core core "$OUT/webs" random 300 6 kept
sort core.log >truth
is 'nothing leaks where all is kept' \
	"$("$COREHEAP" blocks core --reach leaked --format csv | awk -F, 'NR > 1 && $2 < 1000 && $2 != 280' | wc -l)" 0
is 'explain: what goes with a block in use' "$(retained)" 96
compare 'a million' big 1000000 7
plan_done
