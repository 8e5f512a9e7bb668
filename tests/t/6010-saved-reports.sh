#!/usr/bin/env bash
# A saved report is read as what it is: somebody else's file. What is cut off, wrong or no report at
# all is refused with exit status 3 and a reason; nothing crashes, hangs or takes much memory.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 zstd gzip
zstd -q -d -f --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
exits 'a profile' 0 "$COREHEAP" summary core --json --profile -o good.json
exits 'against itself' 0 "$COREHEAP" diff good.json good.json
like 'nothing changed' "$(cat stdout)" 'nothing changed'
like 'nothing was replaced' "$(grep -A2 'What became' stdout | tail -1 ; grep '1 to 2' stdout)" \
	'1 to 2 +~?[0-9,]+ +0 +0 +0 +0'
exits 'against its core' 0 "$COREHEAP" diff good.json core
like 'nothing changed either' "$(cat stdout)" 'nothing changed'
zstd -q -f good.json -o good.json.zst
gzip -kf good.json
exits 'compressed reports' 0 "$COREHEAP" diff good.json.zst good.json.gz
through() # DESC FILE STATUS ARG...: FILE through a pipe
{
	exits "$1" "$3" sh -c 'cat "$1" | "$COREHEAP" diff "$2" "$3"' - "$2" "$4" "$5"
}
through 'a report from standard input' good.json 0 - good.json
like 'nothing changed to it' "$(cat stdout)" 'nothing changed'
through 'a compressed one' good.json.zst 0 good.json -
through 'a core' core 0 good.json -
through 'a compressed core' "$SRC/corpus/bookworm-dynamic/core.zst" 0 - good.json
like 'nothing changed to that either' "$(cat stdout)" 'nothing changed'
exits 'a report that standard input is' 0 sh -c '"$COREHEAP" diff - core <good.json'
through 'twice' good.json 3 - -
like 'says that it cannot be' "$(cat stderr)" 'only once'
through 'nothing' /dev/null 3 - good.json

refused() # DESC FILE REGEX
{
	exits "$1: refused" 3 "$COREHEAP" diff good.json "$2"
	like "$1: says why" "$(tr '\n' ' ' <stderr)" "$3"
	[ ! -s stdout ] || result 1 "$1: prints nothing"
}
head -c $(($(stat -c %s good.json) / 2)) good.json >cut.json
refused 'cut off' cut.json 'not a whole JSON file.*cut off'
head -c $(($(stat -c %s good.json.gz) - 9)) good.json.gz >cut.gz
refused 'cut off and compressed' cut.gz 'not all of it can be read; copy it again'
echo '{}' >empty.json
refused 'an empty object' empty.json 'not a report of coreheap'
sed 's|coreheap.report/1|coreheap.report/2|' good.json >newer.json
refused 'another version' newer.json 'another version'
echo '{"schema": "coreheap.report/1"}' >bare.json
refused 'no sections' bare.json '"input" is not there'
echo '[1]' >array.json
refused 'an array' array.json 'not a core file'
python3 - <<'PY'
import json
print("{" + '"a":[' * 3000 + "]" * 3000 + "}", file=open("deep.json", "w"))
print('{"schema": "coreheap.report/1", "memory": {"mapped": NaN}}', file=open("nan.json", "w"))
print('{"schema": "coreheap.report/1", "x": 1e999}', file=open("big.json", "w"))
print('{"schema": 1, "schema": 2}', file=open("twice.json", "w"))
with open("wide.json", "w") as f:
    f.write('{"x":[' + "[]," * 12000000 + "1]}")
with open("huge.json", "w") as f:
    f.write('{"x":"' + "a" * (65 << 20) + '"}')
PY
refused 'nested deeply' deep.json 'not a whole JSON file'
refused 'no number' nan.json 'not a whole JSON file'
refused 'a number too big' big.json 'not a whole JSON file'
refused 'a key twice' twice.json 'not a whole JSON file'
refused 'too many values' wide.json 'not a whole JSON file'
refused 'too big a file' huge.json 'more than 64 MiB'
rm -f wide.json huge.json

# One value in three, one after the other, becomes something else.
cat >mutate.py <<'PY'
import copy, json, subprocess, sys
good = json.load(open("good.json"))
for key in ("groups", "classes", "mappings"):
    good["profile"][key] = good["profile"][key][:3]
def fits(block):
    size, group = block.split()[1:3]
    return group in "-012" and any(c["low"] <= int(size) <= c["high"]
                                   for c in good["profile"]["classes"])
good["profile"]["blocks"] = [b for b in good["profile"]["blocks"] if fits(b)][:3]
good["profile"]["kin"] = [k for k in good["profile"]["kin"] if k["class"] < 3][:2]
good["sizes"], good["modules"] = good["sizes"][:2], []
good["findings"] = good["findings"][:2]
def places(value, path=()):
    if isinstance(value, dict):
        for k in value:
            yield path + (k,)
            yield from places(value[k], path + (k,))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield path + (i,)
            yield from places(value[i], path + (i,))
every = list(places(good))[::3]
values = [None, -1, 2**63 - 1, 1.5, "", "0x zz", [], {}, [[]], True, "\u202e\u0007" * 9]
ran, odd, read = 0, 0, 0
for number, path in enumerate(every):
    bad = copy.deepcopy(good)
    at = bad
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = values[number % len(values)]
    json.dump(bad, open("bad.json", "w"))
    for args in (["bad.json", "good.json"], ["good.json", "bad.json", "--json"]):
        if number % 2 == (args[0] == "bad.json"):
            continue
        end = subprocess.run([sys.argv[1], "diff", *args], capture_output=True, timeout=60)
        ran += 1
        read += end.returncode == 0
        if end.returncode not in (0, 3) or (end.returncode == 3) != (end.stdout == b""):
            print(path, at[path[-1]], end.returncode, end.stderr[-300:])
            odd = 1
print(ran, "reports,", read, "of them read")
sys.exit(odd or ran < 80 or read < 20)
PY
ok 'a value that is another one: read or refused' python3 mutate.py "$COREHEAP"
plan_done
