#!/usr/bin/env bash
# threads: kernel cores of real programs, each frame as in gdb.
. "$(dirname "$0")/../lib.sh"
need_cmd gdb python3
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi

# real NAME PROGRAM ARGS...: runs it for two seconds, takes a kernel core, compares
real()
{
	local name=$1 program=$2 pid
	command -v "$program" >/dev/null || { skip "$name" "$program is not installed"; return; }
	shift 2
	(cd "$OUT" && exec "$program" "$@") >"$name.log" 2>&1 &
	pid=$!
	sleep 2
	program=$(readlink "/proc/$pid/exe") # what a script of that name may have started
	ok "$name: a kernel core appears" kernel_core_of "$pid" "$name" || return
	ok "$name: each frame is as in gdb" as_gdb "$program" "$name"
	tail -n 1 .ok.log | sed 's/^/# /'
}

real python3 python3 -uc '
import threading, time
def deep(n):
    return deep(n - 1) if n else time.sleep(1000)
for n in range(8):
    threading.Thread(target=deep, args=(n * 5,), daemon=True).start()
time.sleep(1000)'
real perl perl -e 'my @x = sort { sleep 1000; $a <=> $b } 1, 2; print @x'
real lua lua5.4 -e 'string.gsub("x", "x", function() while true do end end)'
real memcached memcached -u root -l 127.0.0.1 -p 0 -t 4
real sqlite3 sqlite3 :memory: \
	'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n'
plan_done
