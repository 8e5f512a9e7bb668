#!/usr/bin/env bash
# --format=prom: what Prometheus's and OpenMetrics' parsers read of it is what the JSON report says.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

python=
for one in python3 /usr/bin/python3; do
	"$one" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null && python=$one
done
[ "$python" ] || skip_all 'python3-prometheus-client is not installed'

cat >agree.py <<'PY'
"""agree.py PROM JSON [HOSTILE]: the samples of one are the numbers of the other."""
import json, math, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
text = open(sys.argv[1], encoding="utf-8").read()
r = json.load(open(sys.argv[2]))
samples = {}
for name, parse in ("prometheus", prometheus), ("openmetrics", openmetrics):
    found = {}
    for family in parse(text):
        assert family.documentation and family.type == "gauge", (name, family)
        for s in family.samples:
            key = s.name, tuple(sorted(s.labels.items()))
            assert key not in found, (name, "twice", key)
            found[key] = s.value
    samples[name] = found
assert samples["prometheus"] == samples["openmetrics"]
v = samples["prometheus"]
whose = {k: str(r["process"][k]) for k in ("comm", "pid") if k in r["process"]}
if len(sys.argv) > 3: # the name as it is made visible
    whose["comm"] = sys.argv[3]
assert all(dict(labels).items() >= whose.items() for _, labels in v), whose
def one(name, **labels):
    return v.get(("coreheap_" + name, tuple(sorted({**whose, **labels}.items()))))
def same(what, got, want):
    assert got == want, (what, got, want)
m = r["memory"]
for name, key in (("mapped_bytes", "mapped"), ("resident_bytes", "resident"), ("in_use_bytes", "in_use"),
                  ("in_use_blocks", "in_use_blocks"), ("free_held_bytes", "free_held"),
                  ("internal_bytes", "internal"), ("trimmable_bytes", "trimmable"),
                  ("mmapped_bytes", "mmapped"), ("arenas", "arenas")):
    same(name, one(name), m.get(key))
for line in m["ledger"]:
    same("owner", one("memory_bytes", owner=line["owner"]), line["bytes"])
    same("owner, resident", one("memory_resident_bytes", owner=line["owner"]), line["resident"])
same("they add up", sum(n for (name, _), n in v.items() if name == "coreheap_memory_bytes"), m["mapped"])
for reach in ("definite", "indirect", "possible", "reachable"):
    same(reach, one("used_blocks", reach=reach), r["leaks"][reach]["blocks"])
    same(reach, one("used_bytes", reach=reach), r["leaks"][reach]["bytes"])
for of, share in r["input"]["completeness"].items():
    if of != "coverage":
        assert math.isclose(one("completeness_ratio", of=of), share, abs_tol=1e-5), of
same("findings", one("findings"), len(r["findings"]))
leaks = [f for f in r["findings"] if "reach" in f]
rows = [(dict(labels), n) for (name, labels), n in v.items() if name == "coreheap_finding_bytes"]
assert len(rows) <= 20, "no more than 20 series of each"
assert len(rows) == min(20, len({(f["fingerprint"], f["reach"]) for f in leaks}))
for labels, n in rows:
    same("finding", n, sum(f["bytes"] for f in leaks if f["fingerprint"] == labels["fingerprint"]))
    same("blocks", v["coreheap_finding_blocks", tuple(sorted(labels.items()))],
         sum(f["blocks"] for f in leaks if f["fingerprint"] == labels["fingerprint"]))
print("agrees")
PY

for case in bookworm-dynamic bookworm-gcore bookworm-i386-dynamic bookworm-aarch64-dynamic sid-static; do
	zstd -q -d -f --sparse "$SRC/corpus/$case/core.zst" -o core
	for command in summary leaks; do
		"$COREHEAP" "$command" core --json >json 2>/dev/null
		exits "$case: $command" 0 "$COREHEAP" "$command" core --format=prom
		is "$case: $command: both parsers read what JSON says" "$("$python" agree.py stdout json 2>&1)" agrees
	done
done
is 'the last line is that of OpenMetrics' "$(tail -n 1 stdout)" '# EOF'
is '-n bounds the findings' "$("$COREHEAP" leaks core --format prom -n 2 | grep -c '^coreheap_finding_bytes')" 2
is '-n 0: all of them' "$("$COREHEAP" leaks core --format prom -n 0 | grep -c '^coreheap_finding_bytes')" \
	"$("$COREHEAP" leaks core --format csv | grep -c ,definite,)"
exits 'a command that has no metrics: exit 2' 2 "$COREHEAP" maps core --format prom
like 'says what it has' "$(cat stderr)" 'maps has no format prom; it has text, json, jsonl, csv'

# ---- names are the dead process's ----
zstd -q -d -f "$SRC/corpus/bookworm-dynamic/core.zst" -o core
python3 - <<'PY'
data = open("core", "rb").read()
evil = data.replace(b"plan-dynamic\0", b"a\"} 1\nb\\\xff\0\0\0\0")
assert len(evil) == len(data) and evil != data
open("evil", "wb").write(evil)
PY
"$COREHEAP" summary evil --json >json 2>/dev/null
exits 'a hostile name' 0 "$COREHEAP" summary evil --format=prom
is 'a hostile name: it stays a label' "$("$python" agree.py stdout json 'a"} 1\x0ab\\xff' 2>&1)" agrees
plan_done
