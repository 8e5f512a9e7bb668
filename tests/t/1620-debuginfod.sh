#!/usr/bin/env bash
# --debuginfod: files from servers, by build-id, only where asked for; what is wrong is refused.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 objcopy strip readelf
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi
[ -n "$(find /usr/lib /usr/lib64 -name 'libdebuginfod.so.1' -print -quit 2>/dev/null)" ] ||
	skip_all 'libdebuginfod is not installed'
unset DEBUGINFOD_URLS DEBUGINFOD_TIMEOUT DEBUGINFOD_MAXTIME DEBUGINFOD_MAXSIZE
export DEBUGINFOD_CACHE_PATH=$OUT/cache

server=
# serve MODE: a fresh server, cache and list of hits
serve()
{
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf port hits cache
	python3 "$SRC/tests/hosts/server.py" files port hits "$1" &
	server=$!
	wait_for port
	DEBUGINFOD_URLS=http://127.0.0.1:$(cat port)
	export DEBUGINFOD_URLS
}
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; tap_at_exit' EXIT

build_id()
{
	readelf -n "$1" | sed -n 's/.*Build ID: *//p'
}

# names CORE [OPTIONS]: do names of the victim appear? and standard error in `said`
names()
{
	"$COREHEAP" threads "$@" 2>said | grep -c ' finish+'
}

ok 'the victim builds' threads_build victim || exit 1
ok 'another build of it' threads_build other -DOTHER=1 -Wl,--defsym=other=1 || exit 1
id=$(build_id victim)
mkdir -p "files/$id" gone
cp victim "files/$id/executable"
objcopy --only-keep-debug victim "files/$id/debuginfo"
strip "files/$id/executable"
cp victim whole
ok 'a kernel core appears' kernel_core core "$OUT/victim" abort || exit 1
mv victim gone/victim

serve fine
is 'without --debuginfod: no name' "$(names core)" 0
is 'and nobody is asked' "$(cat hits 2>/dev/null)" ''
is 'with --debuginfod: names' "$(names core --debuginfod)" 1
like 'the file is asked for' "$(cat hits)" "^/buildid/$id/executable$"
like 'and its debug file' "$(cat hits)" "^/buildid/$id/debuginfo$"
ok 'each frame is as in gdb' as_gdb gone/victim core --debuginfod
"$COREHEAP" check core --json --debuginfod | python3 -c '
import json, sys
print(*[m.get("file", m.get("missing")) for m in json.load(sys.stdin)["modules"] if m["path"].endswith("/victim")])
' >file
like 'check tells where the file is' "$(cat file)" "^$OUT/cache/$id/executable$"
: >hits
is 'a second run has names' "$(names core --debuginfod)" 1
is 'out of the cache' "$(grep -c "$id" hits)" 0
cp gone/victim victim
strip victim
rm -rf cache
is 'only the debug file is missing: names' "$(names core --debuginfod)" 1
is 'and only that is asked for' "$(grep "$id" hits)" "/buildid/$id/debuginfo"
rm victim

serve fine
cp other "files/$id/executable"
cp other "files/$id/debuginfo"
is 'another build from the server: no name' "$(names core --debuginfod)" 0
like 'said: refused' "$(cat said)" "what came for $OUT/victim is not used: build-id differs"
like 'the backtrace says what is missing' "$("$COREHEAP" threads core --debuginfod 2>/dev/null)" \
	'ends here: no unwind information for .*/victim'
cp gone/victim "files/$id/executable"
objcopy --only-keep-debug gone/victim "files/$id/debuginfo"

serve short
is 'half a file as if it were all: no name' "$(names core --debuginfod)" 0
like 'said: cut off' "$(cat said)" 'is not used: (the file is cut off|the file has no build-id)'
serve cut
is 'a connection that ends early: no name' "$(names core --debuginfod)" 0
ok 'analyzed all the same' "$COREHEAP" summary core --debuginfod

serve hang
export DEBUGINFOD_TIMEOUT=2
SECONDS=0
is 'a server that hangs: no name' "$(names core --debuginfod)" 0
took=$SECONDS
ok "it takes not much longer than one timeout ($took s)" test "$took" -le 8
is 'and it is asked once' "$(wc -l <hits)" 1
like 'said: what, why, remedy' "$(cat said)" \
	'no server sent anything for 2 seconds.*raise DEBUGINFOD_TIMEOUT'
is 'said once' "$(grep -c 'no server' said)" 1
unset DEBUGINFOD_TIMEOUT
kill "$server"
wait "$server" 2>/dev/null
server=
rm -rf cache
is 'nobody there: no name' "$(names core --debuginfod)" 0
like 'said: unreachable' "$(cat said)" 'no server can be reached.*check DEBUGINFOD_URLS'
"$COREHEAP" leaks core --json | sed '/"path":/d' >without
DEBUGINFOD_URLS='' "$COREHEAP" leaks core --json --debuginfod >with 2>said
like 'no server named: said' "$(cat said)$(cat with)" 'DEBUGINFOD_URLS is not set'
python3 - without with <<'PYTHON' >same
import json, sys
a, b = (json.load(open(n)) for n in sys.argv[1:])
print(a["leaks"] == b["leaks"] and a["findings"] == b["findings"] and a["memory"] == b["memory"])
PYTHON
is 'the leaks are the same' "$(cat same)" True
plan_done
