#!/usr/bin/env bash
# What is told of the process: by the core itself, and by user.coredump.* attributes of its file.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
process()
{
	"$COREHEAP" summary core --json | python3 -c 'import json, sys
p = json.load(sys.stdin)["process"]
print(*(f"{k}={p.get(k)}" for k in sys.argv[1:]), sep="\n")' "$@"
}
is 'name, program, signal and machine' "$(process comm exe signal arch | tr '\n' ' ')" \
	'comm=plan-dynamic exe=/victim/plan-dynamic signal=6 arch=x86_64 '
is 'no time of the crash where nothing tells it' "$(process timestamp)" 'timestamp=None'
like 'the first lines of text say who and how' "$("$COREHEAP" core)" \
	'^plan-dynamic \(pid [0-9]+\), SIGABRT, 4 threads, glibc 2\.36; core: kernel core, '

attributes()
{
	python3 - <<'PY'
import os
for key, value in {"comm": b"sessiond", "exe": b"/usr/bin/sessiond", "pid": b"4711", "uid": b"1000",
                   "hostname": b"web-3", "timestamp": b"1700000000123456", "signal": b"6",
                   "odd": b"\x1b[31m\xff"}.items():
    os.setxattr("core", "user.coredump." + key, value)
PY
}
if attributes 2>/dev/null; then
	is 'attributes have the names of OpenTelemetry' "$(process process.executable.name \
		process.executable.path process.pid process.real_user.id host.name |
		tr '\n' ' ')" "process.executable.name=sessiond process.executable.path=/usr/bin/sessiond \
process.pid=4711 process.real_user.id=1000 host.name=web-3 "
	is 'others keep their own' "$(process user.coredump.signal)" 'user.coredump.signal=6'
	is 'the time of the crash is known then' "$(process timestamp)" \
		'timestamp=2023-11-14T22:13:20.123456Z'
	like 'and text says it' "$("$COREHEAP" core)" '^plan-dynamic .* 2023-11-14T22:13:20'
	is 'values are made safe' "$(process user.coredump.odd)" 'user.coredump.odd=\x1b[31m\xff'
	is 'attributes do not change the core that is told' "$(process comm)" 'comm=plan-dynamic'
else
	skip 'attributes' 'this file system has no user attributes'
fi
plan_done
