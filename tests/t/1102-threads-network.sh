#!/usr/bin/env bash
# threads asks no debuginfod server, also where the environment names one and debug files are missing.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 strip
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi

# A server that notes each connection.
python3 - port hits <<'PYTHON' &
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    c, _ = s.accept()
    open(sys.argv[2], "a").write("connection\n")
    c.close()
PYTHON
server=$!
wait_for port
DEBUGINFOD_URLS=http://127.0.0.1:$(cat port)
DEBUGINFOD_CACHE_PATH=$OUT/cache
export DEBUGINFOD_URLS DEBUGINFOD_CACHE_PATH

ok 'the victim builds' threads_build callers || exit 1
strip callers
ok 'a kernel core of the stripped program appears' kernel_core core "$OUT/callers" abort || exit 1
ok 'threads runs' "$COREHEAP" threads core
ok 'threads runs where files are missing' "$COREHEAP" threads --exe /bin/true --json core
is 'nothing was asked of the server' "$(cat hits 2>/dev/null)" ''
python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' \
	"$(cat port)"
ok 'the server notes a connection' wait_for hits
is 'and no other' "$(cat hits)" connection
kill "$server"
plan_done
