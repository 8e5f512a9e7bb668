#!/usr/bin/env bash
# libcoreheap_sites.so in real programs, with the recorder in front of it: every block of theirs has
# its caller, and what the library keeps changes no verdict.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
TRUTH_BEHIND=$BUILD/libcoreheap_sites.so
TRUTH_KEEP=1
[ -f "$TRUTH_BEHIND" ] || skip_all 'the library is for x86-64 and aarch64'
clang=$(command -v clang || command -v clang-14) || skip_all 'clang is not installed'

callers()
{
	for core in "$1/gcore" "$1/kernel"; do
		[ ! -f "$core" ] ||
			ok "$core: every block has its caller" "$SRC/tests/kept/callers.py" "$COREHEAP" "$core"
		rm -f "$core"
	done
}

truth clang 0 - "$clang" -c -g -O1 -pthread -o "$OUT/planted.o" "$SRC/tests/truth/leaky.c"
callers clang
cat >work.py <<'PY'
import json, sqlite3, threading, time
def work(n):
    base = sqlite3.connect(":memory:")
    base.execute("create table t (a, b)")
    base.executemany("insert into t values (?, ?)", ((i, "x" * (i % 700)) for i in range(3000)))
    keep.append((base, json.loads(json.dumps({str(i): "y" * (500 + i) for i in range(600)}))))
keep = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
open("ready", "w").close()
time.sleep(1000)
PY
truth python3 10 ready /usr/bin/python3 "$OUT/work.py"
callers python3
plan_done
