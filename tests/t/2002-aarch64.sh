#!/usr/bin/env bash
# Cores of aarch64: what differs from x86-64 is right, and what a core of qemu-user lacks is told.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

# facts CASE: arch; threads whose pc, sp, tls, stack and arena are known; findings; verdict withheld
facts()
{
	zstd -q -d -f --sparse "$SRC/corpus/$1/core.zst" -o core
	"$COREHEAP" threads core --json >threads.json 2>err
	"$COREHEAP" leaks core --json >leaks.json 2>err
	python3 - <<'PY'
import json
t, r = json.load(open('threads.json')), json.load(open('leaks.json'))
threads = t['threads']
for x in threads:
    x['inside'] = int(x['stack']['start'], 16) <= int(x['sp'], 16) < int(x['stack']['end'], 16)
    x['above'] = int(x['tls'], 16) > int(x['sp'], 16) or x['tid'] == t['process']['pid']
warned = sorted({w['code'] for w in r['input']['warnings']})
print(t['process']['arch'], len(threads), sum(x['inside'] and x['above'] for x in threads),
      sorted(x['arena'] for x in threads), sum('tcache_blocks' in x for x in threads),
      *warned, 'definite' if r['leaks']['definite']['blocks'] else 'withheld')
PY
}

for case in bullseye bookworm trixie sid; do
	is "$case: threads, their stacks, arenas and caches" "$(facts "$case-aarch64-dynamic")" \
		'aarch64 4 4 [0, 3, 4, 5] 4 definite'
done
is 'qemu-user: the same, without thread pointers in the core, and leaks are withheld' \
	"$(facts bullseye-aarch64-qemu-user)" \
	'aarch64 4 4 [0, 3, 4, 5] 4 roots-missing withheld'
like 'qemu-user: what is missing' "$(cat err)" 'the vector registers of 4 threads'
"$COREHEAP" threads -v core >threads.txt 2>/dev/null
like 'registers by their names' "$(cat threads.txt)" 'x30 .*  sp .*  pc  '
like 'qemu-user: its files are not known, rather than all found' "$("$COREHEAP" check core)" \
	'^  --  program and libraries .*not known: the core has no map of files'
at=$("$COREHEAP" blocks core --format=csv 2>/dev/null | awk -F, '$3 == "used" { print $1; exit }')
is 'an address with a tag in its top byte is the address' \
	"$("$COREHEAP" explain core "$(printf '0x%x' $((at | 0x5a << 56)))" 2>/dev/null)" \
	"$("$COREHEAP" explain core "$at" 2>/dev/null)"
like 'which is that of a block' "$("$COREHEAP" explain core "$at" 2>/dev/null)" "^$at used block"
is 'a thread pointer that the core does not have is not printed' "$(grep -c tpidr threads.txt)" 0
plan_done
