#!/usr/bin/env bash
# libcoreheap_sites.so under real programs with threads and forks: they print and end as without it.
. "$(dirname "$0")/../lib.sh"
SITES=$BUILD/libcoreheap_sites.so
[ -f "$SITES" ] || skip_all 'the library is for x86-64 and aarch64'

# same NAME CMD...: the output, what goes to standard error, and the status, in each of MODES
same()
{
	local name=$1 mode
	shift
	"$@" >plain.out 2>plain.err
	echo "exit $?" >>plain.out
	for mode in ${MODES:-caller stack sampled:4K}; do
		COREHEAP_SITES=$mode LD_PRELOAD=$SITES "$@" >with.out 2>with.err
		echo "exit $?" >>with.out
		ok "$name, $mode: the same output and status" cmp plain.out with.out
		ok "$name, $mode: the same on standard error" cmp plain.err with.err
	done
}

# have NAME CMD: is it installed?
have()
{
	command -v "$2" >/dev/null || { skip "$1 runs as ever" "$2 is not installed"; return 1; }
}

cat >work.py <<'PY'
import json, os, subprocess, sys, threading
def work(n):
    return len(json.dumps([{str(k): [k] * 10} for k in range(2000 + n)]))
out = []
threads = [threading.Thread(target=lambda n=n: out.append(work(n))) for n in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(out))
for n in range(20):
    pid = os.fork()
    if not pid:
        work(n)
        os._exit(n)
    print(os.waitpid(pid, 0)[1])
print(subprocess.run(["sh", "-c", "echo child; exit 7"], stdout=subprocess.PIPE))
print("x" * 10, file=sys.stderr)
sys.exit(3)
PY
! have python3 /usr/bin/python3 || same python3 /usr/bin/python3 work.py

cat >work.js <<'JS'
const { Worker } = require('worker_threads'), { execFileSync } = require('child_process');
const zlib = require('zlib'), out = [];
for (let i = 0; i < 4; i++)
	new Worker('const p = require("worker_threads"); let a = []; for (let i = 0; i < 30000; i++) ' +
		'a.push({ i, t: "x".repeat(i % 90) }); p.parentPort.postMessage(a.length)', { eval: true })
		.on('message', n => out.push(n));
out.push(execFileSync('sh', ['-c', 'echo child']).toString());
zlib.deflate(Buffer.alloc(1000000, 7), (e, z) => out.push(z.length));
process.on('exit', () => { console.log(out.map(String).sort()); process.exitCode = 5; });
JS
! have node node || same node node work.js

cat >work.cc <<'CC'
#include <map>
#include <new>
#include <string>
#include <thread>
#include <cstdio>
static size_t work(size_t n)
{
	std::map<size_t, std::string> m;
	for (size_t i = 0; i < n; i++)
		m[i] = std::string(i % 100, 'x');
	size_t sum = 0;
	for (auto &x : m)
		sum += x.second.size();
	return sum;
}
struct alignas(64) Wide { char c[100]; };
int main()
{
	size_t sum[4];
	std::thread t[4];
	for (int i = 0; i < 4; i++)
		t[i] = std::thread([&sum, i] { sum[i] = work(5000 + i); });
	for (auto &x : t)
		x.join();
	volatile size_t huge = (size_t)1 << 62;
	try { delete[] new char[huge]; } catch (std::bad_alloc &) { puts("no memory"); }
	if (!new (std::nothrow) char[huge]) puts("no memory");
	Wide *w = new Wide[7];
	printf("%zu %zu %zu\n", sum[0], sum[3], (size_t)w % 64);
	delete[] w;
}
CC
for cxx in g++ clang++; do
	have $cxx $cxx || continue
	MODES=stack same "$cxx" $cxx -g -O1 -std=c++17 -pthread -c -o work.o work.cc
	$cxx -O1 -std=c++17 -pthread -o work-$cxx work.cc && same "a program of $cxx" ./work-$cxx
	mv work.o plain.o
	LD_PRELOAD=$SITES $cxx -g -O1 -std=c++17 -pthread -c -o work.o work.cc
	ok "$cxx writes the same file" cmp plain.o work.o
done

nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
if [ -n "$nginx" ] && have nginx python3; then
	mkdir -p html
	seq 20000 >html/numbers.txt
	for how in plain with; do
		port=$("$SRC/tests/truth/free_port.py")
		cat >nginx.conf <<-CONF
			daemon off;
			worker_processes 2;
			pid $OUT/pid;
			error_log $OUT/$how.error;
			events { worker_connections 128; }
			http {
				access_log off;
				gzip on;
				gzip_types text/plain;
				server {
					listen 127.0.0.1:$port;
					root $OUT/html;
					location /up/ { proxy_pass http://127.0.0.1:$port/; }
					location /again/ { rewrite ^/again/(.*)\$ /up/\$1 last; }
				}
			}
		CONF
		[ "$(id -u)" != 0 ] || sed -i '1i user root;' nginx.conf
		(
			[ $how = plain ] || export LD_PRELOAD=$SITES
			exec "$nginx" -p "$OUT" -c "$OUT/nginx.conf" -e "$OUT/$how.error"
		) >$how.log 2>&1 &
		pid=$!
		ok "nginx, $how: serves" "$SRC/tests/truth/requests.py" http "$port"
		kill -HUP $pid # new workers are forked
		ok "nginx, $how: serves after a reload" "$SRC/tests/truth/requests.py" http "$port"
		[ $how = plain ] || ok 'nginx: the library is in its workers' \
			grep -q libcoreheap_sites "/proc/$(pgrep -P $pid | head -n 1)/maps"
		kill -QUIT $pid
		wait $pid
		is "nginx, $how: its status" $? 0
		ok "nginx, $how: no errors" sh -c '! grep -E "alert|emerg|crit" "$1.error"' - "$how"
	done
else
	skip 'nginx runs as ever' 'nginx is not installed'
fi
plan_done
