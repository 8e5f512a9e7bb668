#!/usr/bin/env bash
# How the layout of malloc's structures is known, and that it is said: by the table, by libc's debug
# information, which has to agree with the heap, or by inference where the release is newer.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3 objcopy

id=c0ffee00000000000000000000000000deadbeef
case=$SRC/corpus/trixie-dynamic # glibc 2.41
own=$(sed -n 's/^libc build-id: //p' "$case/about.txt")
zstd -q -d --sparse "$case/core.zst" -o plain
# a libc that no machine has
python3 - "$own" "$id" <<'PY'
import sys
data = open('plain', 'rb').read()
own, other = map(bytes.fromhex, sys.argv[1:])
assert data.count(own) == 1 and len(own) == len(other)
open('core', 'wb').write(data.replace(own, other))
PY

# libc_file RELEASE FLAGS...: a stand-in, in root/; its debug information, in debug/
libc_file()
{
	local dir=root/usr/lib/x86_64-linux-gnu release=$1
	shift
	rm -rf root debug
	mkdir -p "$dir" "debug/.build-id/${id:0:2}"
	"$CC" -g -O0 -shared -fPIC -nostdlib -Wl,--build-id=0x$id -DRELEASE="\"$release\"" "$@" \
		-o libc.so "$SRC/tests/victims/layout.c" || return
	objcopy --only-keep-debug libc.so "debug/.build-id/${id:0:2}/${id:2}.debug"
	objcopy --strip-debug libc.so "$dir/libc.so.6"
}

# layout OPTION...: what the core's report says of libc, and the codes of its warnings
layout()
{
	"$COREHEAP" check core --json "$@" >report.json 2>err || { cat err; return; }
	python3 - <<'PY'
import json
r = json.load(open('report.json'))
libc = r['process']['libc']
print(*(libc.get(k, '-') for k in ('version', 'layout_source', 'layout_versions')),
      *(w['code'] for w in r['input']['warnings']))
PY
}

# same OPTION...: the blocks are those that are found with no file at hand
same()
{
	"$COREHEAP" blocks core --format=csv --no-sites "$@" >blocks.csv 2>/dev/null && cmp blocks.csv bare.csv
}

"$COREHEAP" blocks core --format=csv --no-sites >bare.csv 2>/dev/null
is 'no file: told by the structures themselves' "$(layout)" '- table 2.35-2.41'
libc_file 2.41
is 'libc is at hand' "$(layout --sysroot root)" '2.41 table 2.35-2.41'
is 'its debug information is, too' "$(layout --sysroot root --debug-dir debug)" \
	'2.41 dwarf 2.35-2.41'
is 'the debug file alone' "$(layout --debug-dir debug)" '- dwarf 2.35-2.41'
ok '... and the blocks are the same' same --debug-dir debug
like '... and it is said' "$("$COREHEAP" check core --debug-dir debug 2>/dev/null)" \
	"ok  malloc's layout .* as in glibc 2.35-2.41, and libc's debug information agrees"
libc_file 2.41 -DOTHER
is 'debug information that the heap contradicts' "$(layout --debug-dir debug)" \
	'- table 2.35-2.41 layout-debug'
ok '... changes nothing' same --debug-dir debug
libc_file 2.97
is 'a newer release' "$(layout --sysroot root)" '2.97 inferred 2.35-2.41 layout-inferred'
like '... and it is said' "$("$COREHEAP" check core --sysroot root 2>/dev/null)" \
	"--  malloc's layout .* inferred from the heap's structure: as in glibc 2.35-2.41"
like '... in the summary, too' "$("$COREHEAP" summary core --sysroot root 2>/dev/null | tr -s '\n ' ' ')" \
	'glibc 2.97 is newer .* as in 2.35-2.41 was inferred'
ok '... and the blocks are the same' same --sysroot root
is 'a newer release whose debug information is at hand' \
	"$(layout --sysroot root --debug-dir debug)" '2.97 dwarf 2.35-2.41'

# This system's own libc, where its debug information is installed (libc6-dbg).
own=$(ldconfig -p | sed -n 's/.*libc.so.6 .* => //p' | head -n 1)
own=$(readelf -n "$own" | sed -n 's/.*Build ID: //p')
if [ ! -e "/usr/lib/debug/.build-id/${own:0:2}/${own:2}.debug" ]; then
	skip "the table agrees with this system's libc" 'its debug information is not installed'
elif why=$(core_forbidden); then
	skip "the table agrees with this system's libc" "$why"
else
	rm -f core
	kernel_core "$OUT/core" "$(command -v perl)" -e 'kill ABRT => $$'
	like "the table agrees with this system's libc" "$(layout)" '^2\.[0-9]+ dwarf 2\.[-0-9.]+$'
fi
plan_done
