#!/usr/bin/env bash
# Two builds of one program, as on two hosts: saved reports alone tell which leak both have.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/victims/growing.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"
mkdir -p one two
ok 'one release' compile one/growing "$SRC/tests/victims/growing.c" -O0 -DRELEASE=1
ok 'the next one' compile two/growing "$SRC/tests/victims/growing.c" -O2 -DRELEASE=2
for release in one two; do
	growing 2 $release/growing || skip_all 'no core came'
	step=$([ $release = one ] && echo 1 || echo 2)
	"$COREHEAP" summary core.$step --json -o $release.json
	"$COREHEAP" summary core.$step --json --profile -o $release.profile.json
	rm -f core.*
done
for kind in json profile.json; do
	exits "$kind: two reports" 0 "$COREHEAP" diff one.$kind two.$kind --json -o diff.json
	ok "$kind: the common leak is matched by its fingerprint" python3 - diff.json <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["diff"]["same"] == "program", d["diff"]["same"]
assert "untimed" in d["diff"] and not d["diff"]["intervals"]
assert len({s["build_id"] for s in d["diff"]["snapshots"]}) == 2
leak, = [f for f in d["findings"] if f["kind"] == "leak" and f.get("size") == 72]
assert leak["change"] == "growing-leak", leak
assert [p["blocks"] for p in leak["series"]] == [4000, 8000], leak["series"]
assert "bytes_per_hour" not in leak
PY
done
exits 'text says what it is' 0 "$COREHEAP" diff one.json two.json
like 'not one process' "$(tr '\n' ' ' <stdout)" 'two builds of one program.*need not be growth'
like 'and has no rates' "$(cat stdout)" 'No rates: they are not of one process'
plan_done
