#!/usr/bin/env bash
# A heap that was overwritten: told as findings, exit 0, in every format; and the numbers say what
# they cannot include.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d "$SRC/corpus/bookworm-dynamic/core.zst" -o core
"$COREHEAP" blocks core --format csv >blocks.csv
python3 - <<'PY'
import csv, struct
data = bytearray(open("core", "rb").read())
phoff, = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
def offset(address):
    for i in range(count):
        kind, _, off, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * size)
        if kind == 1 and vaddr <= address < vaddr + filesz:
            return off + address - vaddr
blocks = [r for r in csv.DictReader(open("blocks.csv"))
          if r["kind"] == "brk" and r["state"] == "used"]
# A string that ran over the end of its block, into the header of the next.
at = offset(int(blocks[200]["address"], 16))
data[at - 8:at] = b"AAAAAAAA"
open("damaged", "wb").write(data)
PY
for command in summary leaks blocks check arenas maps threads; do
	exits "$command of a damaged heap exits with 0" 0 timeout 60 "$COREHEAP" "$command" damaged
done
like 'check says so first' "$("$COREHEAP" check damaged | head -n 1)" 'DAMAGED HEAP'
like 'check says what and where' "$("$COREHEAP" check damaged)" '^  corruption [a-z-]+: .*0x[0-9a-f]+'
like 'the verdict says so' "$("$COREHEAP" damaged | tr '\n' ' ')" \
	'The heap is damaged in [0-9]+ places?'
like 'summary points to check' "$("$COREHEAP" damaged)" 'missing or damaged .*coreheap check damaged$'
"$COREHEAP" check damaged --json >check.json
is 'JSON has a finding of corruption with its fingerprint' "$(python3 -c 'import json
f = [f for f in json.load(open("check.json"))["findings"] if f["kind"] == "corruption"]
print(len(f) >= 1, all(x["fingerprint"].startswith("h1:") and x["message"] and x["code"]
      for x in f))')" 'True True'
like 'a whole heap is called so' "$("$COREHEAP" check core)" 'undamaged, and malloc.s own sums agree'
is 'most blocks are still found' "$("$COREHEAP" blocks damaged --format csv | wc -l |
	awk -v all="$(wc -l <blocks.csv)" '{ print ($1 > all / 2) }')" 1
plan_done
