#!/usr/bin/env bash
# What a compiler writes down of the type that a call allocates tells sites apart that are alike.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'
sites=$SRC/tests/sites

cat >first.py <<'END'
import json, subprocess, sys
run = subprocess.run([sys.argv[1], "blocks", "--format=jsonl", "--state", "used", sys.argv[2]],
                     capture_output=True, text=True, check=True)
blocks = {b["address"]: b for b in map(json.loads, run.stdout.splitlines())}
right = likely = likely_right = n = 0
for address, function in map(str.split, open(sys.argv[3])):
    b = blocks[address]
    ok = (b.get("site") or b.get("site_candidates", [""])[0]).startswith(function + " ")
    n += 1
    right += ok
    likely += "site" in b
    likely_right += ok and "site" in b
print("first of the list:", right * 100 // n, "%; likely:", likely, "right:", likely_right)
told = sys.argv[4] == "told"
sys.exit(not (right >= 0.9 * n and likely_right >= 0.95 * likely > 0) if told else right > 0.6 * n)
END

ok 'the victim compiles' gcc -std=gnu11 -O2 -gdwarf-5 -S -dA -o plain.s "$sites/fruit.c"
ok 'its calls are given types' python3 "$sites/alloc_type.py" plain.s told.s \
	make_apple=apple make_pear=pear
for name in plain told; do
	ok "$name: assembles" gcc -o $name $name.s
	ok "$name: its core appears" kernel_core $name.core env -i "$PWD/$name" "$PWD/$name.truth"
	ok "$name: $([ $name = told ] && echo 'the types tell the sites' || echo 'without them they are alike')" \
		python3 first.py "$COREHEAP" $name.core $name.truth $name
	note "$(cat "$OUT/.ok.log")"
done
plan_done
