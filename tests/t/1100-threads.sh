#!/usr/bin/env bash
# threads: backtraces of a kernel core and of a snapshot, against gdb's and against the program's source.
. "$(dirname "$0")/../lib.sh"
need_cmd gdb gcore python3
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi
ok 'the victim builds' threads_build "$OUT/callers" || exit 1

ok 'a kernel core appears' kernel_core "$OUT/abort" "$OUT/callers" abort || exit 1
ok 'kernel core: each frame is as in gdb' as_gdb "$OUT/callers" "$OUT/abort"
like 'recursion: all its frames, from the start of the thread' "$(calls abort in_recursion)" \
	'pause( fall){41} in_recursion '
like 'condition: libc below, the function above' "$(calls abort in_condition)" \
	'pthread_cond_wait in_condition '
like 'handler on its own stack: on to what it interrupted' "$(calls abort in_handler)" \
	'pause handler <signal handler called> .* in_handler '
like 'callback: through libc' "$(calls abort in_callback)" 'pause compare .*qsort.* in_callback '
like 'no call at all' "$(calls abort in_loop)" '^ in_loop '
like 'the thread that aborts' "$(calls abort finish)" 'abort finish main .* __libc_start_main[_a-z]* _start$'

ok 'a kernel core of a call through NULL appears' kernel_core "$OUT/null" "$OUT/callers" null
ok 'call through NULL: each frame is as in gdb' as_gdb "$OUT/callers" "$OUT/null"
like 'call through NULL: the caller' "$(calls null finish)" '^  finish main '
ok 'a kernel core of a call into data appears' kernel_core "$OUT/data" "$OUT/callers" data
like 'call into data: the caller' "$(calls data finish)" '^ data finish main '

"$OUT/callers" wait >"$OUT/ready" &
pid=$!
wait_for "$OUT/ready"
ok 'a snapshot appears' gcore_of "$pid" "$OUT/snapshot"
kill -9 "$pid"
wait "$pid" 2>/dev/null
ok 'snapshot: each frame is as in gdb' as_gdb "$OUT/callers" "$OUT/snapshot"

text=$("$COREHEAP" threads abort)
like 'text: the first thread has the name and the signal' "$text" \
	'^thread [0-9]+ "callers", SIGABRT, dumped the core, stack [0-9.]+ KiB of '
is 'text: no other thread has a signal' "$(grep -c SIGABRT <<<"$text")" 1
like 'text: a frame' "$text" \
	'^  #0 +0x0000[0-9a-f]{12}  in_loop\+0x[0-9a-f]+ \(callers\.c:[0-9]+\) in callers$'
like 'text: the thread in the handler is not on its own stack' "$text" \
	'^thread [0-9]+, on another stack than its own of 8\.00 MiB'
is 'text: no content of memory' "$(grep -c password <<<"$text")" 0
ok 'memory has that content' grep -q password-on-the-stack abort
like '-n bounds the frames of each thread, and it says so' \
	"$("$COREHEAP" threads -n 3 abort)" 'ends here: there are more frames'
is '-n 1: one frame for each of six threads' "$(threads_of abort -n 1 | wc -l)" 7
like '-v: registers' "$("$COREHEAP" threads -v abort)" 'rip +0x0000[0-9a-f]{12}'
is 'no registers unless asked for' "$(grep -c rip <<<"$text")" 0
is 'CSV: the columns' "$(threads_of abort | head -n 1)" \
	'tid,frame,pc,function,offset,module,module_offset,file,line'
ok 'JSON: six threads with frames, stacks, registers' "$COREHEAP" threads --json -v -o "$OUT/abort.json" abort
is 'JSON: as CSV' "$(python3 - "$OUT/abort.json" <<'PYTHON'
import json, sys
for t in json.load(open(sys.argv[1]))["threads"]:
    assert len(t["registers"]) == 20 and t["stack"]["start"] < t["stack"]["end"], t
    for n, f in enumerate(t["frames"]):
        print(t["tid"], n, f["pc"], f.get("function", ""), f.get("module_offset", ""), sep=",")
PYTHON
)" "$(threads_of abort | python3 -c 'import csv, sys
for r in csv.DictReader(sys.stdin):
    print(r["tid"], r["frame"], r["pc"], r["function"], r["module_offset"], sep=",")')"
is 'JSONL: a line a thread' "$("$COREHEAP" threads --format=jsonl abort | wc -l)" 6
is 'two runs are the same' "$("$COREHEAP" threads abort | cksum)" "$(cksum <<<"$text")"
plan_done
