#!/usr/bin/env bash
# The sandbox, seen from outside: it is on before the first byte of a core is read, and what an
# attacker would do then ends the run. What it refuses and what it lets through: unit test_sandbox.
. "$(dirname "$0")/../lib.sh"
need_cmd gdb
[ "${SAN:-0}" = 0 ] || skip_all 'a sanitized build has no sandbox'

# open_run [OPTION...]: a run that waits for the first byte of its core; sets $pid, ends by close_run
open_run()
{
	rm -f fifo
	mkfifo fifo
	"$COREHEAP" summary - "$@" <fifo >stdout 2>stderr &
	pid=$!
	exec 7>fifo
	for _ in {1..500}; do # there is nothing else that it waits for
		[ "/proc/$pid/exe" -ef "$COREHEAP" ] && grep -qs '^State:[[:space:]]*S' "/proc/$pid/status" &&
			return
		sleep 0.02
	done
}
close_run()
{
	exec 7>&-
	wait "$pid"
}
status_of()
{
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"
}

open_run --no-sandbox
is 'none where it is not wanted' "$(status_of Seccomp) $(status_of NoNewPrivs)" '0 0'
close_run
[ -n "$(sed -n '/^Seccomp:/p' /proc/self/status)" ] || skip_all 'the kernel has no seccomp'

open_run
is 'it is on before the first byte is read' "$(status_of Seccomp) $(status_of NoNewPrivs)" '2 1'
gdb -q -batch -p "$pid" -ex 'print (int)socket(1, 1, 0)' >gdb.log 2>&1
close_run
status=$?
if grep -q 'Operation not permitted' gdb.log; then
	skip 'a socket ends the run' 'gdb may not attach to a process here'
	plan_done
fi
is 'a socket ends the run with 70' "$status" 70
like 'and the message says so' "$(cat stderr)" \
	'^coreheap: ended by its sandbox: the system call socket was refused\. .* handle it with care$'
plan_done
