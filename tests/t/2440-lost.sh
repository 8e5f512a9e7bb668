#!/usr/bin/env bash
# Types of lost blocks by what others of their kind are: the victim says what it lost; kinds that are
# only ever lost, of the size of others, have none.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

cat >findings.py <<'PY'
import json, subprocess, sys
coreheap, core, truth = sys.argv[1:]
true = dict(line.rstrip("\n").split("\t") for line in open(truth))
out = subprocess.run([coreheap, "leaks", core, "--json", "-q"], stdout=subprocess.PIPE).stdout
found = [f for f in json.loads(out)["findings"] if f["kind"] == "leak"]
typed = [f for f in found if "type" in f]
wrong = [(f["type"], true.get(f["example"])) for f in typed if f["type"] != true.get(f["example"])]
print(sum(f["blocks"] for f in typed) >= 150, sorted({f["type"] for f in typed}), wrong)
PY
check()
{
	local name="$1 $2"
	command -v "$1" >/dev/null || { skip "$name" 'not installed'; return; }
	"$1" "$2" -g -o lost "$SRC/tests/truth/lost.c" || { result 1 "$name: it is built"; return; }
	kernel_core core "$OUT/lost" "$OUT/truth" alone >/dev/null 2>&1
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" core truth \
		--all-of '^(session|timer|text)$'
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
	is "$name: findings" "$(python3 findings.py "$COREHEAP" core truth)" \
		"True ['request', 'timer'] []"
}
check gcc -O0
check gcc -O2
check clang -O2
plan_done
