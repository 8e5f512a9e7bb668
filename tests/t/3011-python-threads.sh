#!/usr/bin/env bash
# python3 with PYTHONMALLOC=malloc and 8 threads, caught while all of them work.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd /usr/bin/python3

cat >work.py <<'PY'
import json, threading, time
def work(n):
    kept = {}
    for i in range(1000000000):
        kept[i % 500] = [str(i) * (i % 40), {"n": n, "i": i}, bytearray(i % 3000)]
        if i % 100 == n:
            json.loads(json.dumps({str(k): k for k in range(50)}))
        if i == 1500:
            started.release()
started = threading.Semaphore(0)
for n in range(8):
    threading.Thread(target=work, args=(n,), daemon=True).start()
short = [threading.Thread(target=lambda: [bytearray(2000) for i in range(100)]) for n in range(4)]
for t in short:
    t.start()
for t in short:
    t.join()
for n in range(8):
    started.acquire()
open("ready", "w").close()
time.sleep(1000)
PY
export PYTHONMALLOC=malloc
truth python3-malloc 0 ready /usr/bin/python3 "$OUT/work.py"
truth python3-malloc-leaking 200 ready /usr/bin/python3 "$OUT/work.py"
plan_done
