#!/usr/bin/env bash
# Every JSON report conforms to what `coreheap schema` prints, on every kind of core in the corpus.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3
python3 -c 'import jsonschema' 2>/dev/null || skip_all 'python3-jsonschema is not installed'

exits 'schema' 0 "$COREHEAP" schema
cp stdout schema.json
cat >validate.py <<'PY'
"""validate.py SCHEMA FILE...: each file is one JSON value, or with .jsonl one a line."""
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
def validator(part):
    whole = dict(schema)
    if part:
        whole = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/" + part}
    return jsonschema.Draft202012Validator(whole)
bad = 0
for name in sys.argv[2:]:
    part = name.split(".")[-2] if name.endswith(".jsonl") else None
    text = open(name, encoding="utf-8").read()
    values = [json.loads(line) for line in text.splitlines()] if part else [json.loads(text)]
    if part and not values:
        print(name, "is empty"); bad = 1
    check = validator(part)
    for value in values:
        for error in list(check.iter_errors(value))[:3]:
            print(name, list(error.absolute_path), error.message); bad = 1
sys.exit(bad)
PY
ok 'the schema is a schema of draft 2020-12' python3 validate.py schema.json
echo '{"schema": "coreheap.report/1", "tool": {"name": "coreheap", "version": "1"}, "process":
	{"threads": -1, "arch": "x"}, "input": {}}' >wrong.json
not_ok 'it refuses what is wrong' python3 validate.py schema.json wrong.json

for case in bookworm-dynamic bookworm-gcore bookworm-static bullseye-dynamic sid-dynamic \
	trixie-dynamic half; do
	if [ "$case" = half ]; then
		zstd -q -d -f --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o whole
		head -c $(($(stat -c %s whole) / 2)) whole >core
	else
		zstd -q -d -f --sparse "$SRC/corpus/$case/core.zst" -o core
	fi
	rm -f out.*
	for command in summary leaks blocks arenas maps threads check; do
		"$COREHEAP" "$command" core --json -q >"out.$command.json"
	done
	"$COREHEAP" summary core --json -v -q >out.verbose.json
	ok "$case: every report conforms" python3 validate.py schema.json out.*.json
	[ "$case" = half ] && continue
	"$COREHEAP" leaks core --format jsonl >out.leaks.finding.jsonl
	"$COREHEAP" leaks core --reach possible,reachable --format jsonl >out.more.finding.jsonl
	"$COREHEAP" blocks core --format jsonl >out.block.jsonl
	ok "$case: every line of JSONL conforms" python3 validate.py schema.json out.*.jsonl
done
plan_done
