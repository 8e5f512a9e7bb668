#!/usr/bin/env bash
# Threads on stacks of the program's own, on alternate signal stacks, in coroutines; thread-local data
# of a library loaded late; a main thread that has ended before the others.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
TRUTH_BLOCKS=300

"$CC" -O1 -g -fno-builtin -Wall -Wextra -pthread -o odd "$HERE/odd.c" -ldl
"$CC" -O1 -g -fPIC -shared -o odd_tls.so "$HERE/odd_tls.c"
mkdir alive
(cd alive && recorded 0 "$OUT/odd" "$OUT/odd_tls.so") >alive/log 2>&1 &
pid=$!
ok 'it gets ready' timeout 60 sh -c 'until grep -q ^ready alive/log; do sleep 0.05; done'
: >alive/ready
truth_of alive 0 "$pid" "$OUT/alive" ready
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
for core in gcore kernel; do
	[ ! -f "alive/$core.ref" ] || ok "the reference finds what was planted, $core" \
		"$HERE/planted.py" alive/log "alive/$core.ref"
done

# gdb cannot attach where the first thread has ended.
if core_forbidden >/dev/null; then
	skip 'a main thread that has ended' "$(core_forbidden)"
	plan_done
fi
mkdir ended
(cd ended && ulimit -c unlimited && recorded 0 "$OUT/odd" "$OUT/odd_tls.so" end) >ended/log 2>&1 &
pid=$!
ok 'it gets ready' timeout 60 sh -c 'until grep -q ^ready ended/log; do sleep 0.05; done'
sleep 0.2 # the main thread ends right after it has said so
kill -QUIT "$pid"
wait "$pid" 2>/dev/null
ok 'a core of a process whose main thread has ended' core_take "$pid" "$OUT/ended" ended/kernel
truth_says 'main thread ended' ended/kernel 0
ok 'the reference finds what was planted, main thread ended' \
	"$HERE/planted.py" ended/log ended/kernel.ref
plan_done
