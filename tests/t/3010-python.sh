#!/usr/bin/env bash
# python3: modules, parsed source, big lists, dicts and strings; objects over 512 bytes are malloc's.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd /usr/bin/python3

cat >work.py <<'PY'
import ast, collections, decimal, inspect, json, re, sys, textwrap, time
trees = [ast.parse(inspect.getsource(m)) for m in (textwrap, json.decoder, re._parser)] \
    if hasattr(re, "_parser") else [ast.parse(inspect.getsource(m)) for m in (textwrap, json.decoder)]
texts = {i: "x" * (600 + i % 5000) for i in range(4000)}
lists = [list(range(i % 700)) for i in range(2000)]
tables = [{str(k): k for k in range(i % 90)} for i in range(1500)]
for round in range(5):
    for i in range(0, 4000, 3):
        texts[i] = "y" * (700 + i % 6000 + round)
    json.loads(json.dumps([lists[:300], tables[:100]]))
    decimal.Decimal(2) ** 5000
queue = collections.deque(bytearray(900) for i in range(500))
open("ready", "w").close()
time.sleep(1000)
PY
truth python3 0 ready /usr/bin/python3 "$OUT/work.py"
truth python3-leaking 40 ready /usr/bin/python3 "$OUT/work.py"
plan_done
