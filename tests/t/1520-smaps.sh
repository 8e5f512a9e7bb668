#!/usr/bin/env bash
# Real programs under load: the mappings and their kinds are the kernel's, the ledger adds up to them, and what
# was resident is what /proc/PID/smaps said while the process stood still, as far as a core can know it.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

# judge NAME PID: PID stands still from smaps to its core.
judge()
{
	local name=$1 pid=$2
	kill -STOP "$pid"
	while ! grep -qs '^State:[[:space:]]*[Tt]' "/proc/$pid/status"; do sleep 0.02; done
	cat "/proc/$pid/smaps" >"$name.smaps"
	ok "$name: a core is taken" kernel_core_of "$pid" "$name.core"
	ok "$name: mappings, kinds, sums and what was resident" \
		python3 "$SRC/tests/ledger/smaps.py" "$COREHEAP" "$name.core" "$name.smaps"
	note "$(cat "$OUT/.ok.log")"
	[ -n "${KEEP:-}" ] || rm -f "$name.core"
}

cat >work.py <<'PY'
import collections, json, mmap, sqlite3, threading, time
kept = [json.loads(json.dumps({"n": i, "text": "x" * (i % 900), "list": list(range(i % 40))})) for i in range(9000)]
del kept[::3]
area = mmap.mmap(-1, 4 << 20)
zero = open("/dev/zero", "r+b", 0)
own = mmap.mmap(zero.fileno(), 1 << 20, flags=mmap.MAP_PRIVATE)
own[:5000] = b"private " * 625
area[:100000] = b"shared" * 16666 + b"more"
db = sqlite3.connect(":memory:")
db.execute("create table t (a, b)")
db.executemany("insert into t values (?, ?)", ((i, str(i) * 9) for i in range(5000)))
threads = [threading.Thread(target=time.sleep, args=(1000,), daemon=True) for i in range(4)]
for t in threads:
    t.start()
open("python.ready", "w").write("x")
time.sleep(1000)
PY
python3 work.py &
pid=$!
wait_for python.ready && judge python3 $pid

if command -v node >/dev/null; then
	cat >work.js <<'JS'
const fs = require('fs'), zlib = require('zlib');
const kept = [];
for (let i = 0; i < 20000; i++)
	kept.push({ i, text: 'text ' + i, list: Array.from({ length: i % 50 }, (_, k) => k) });
for (let i = 0; i < 200; i++)
	kept.push(zlib.deflateSync(Buffer.alloc(9000 + i * 10, i)));
zlib.deflate(Buffer.alloc(100000, 1), () => fs.writeFileSync('node.ready', 'x'));
setInterval(() => kept.length, 100000000);
JS
	node work.js &
	pid=$!
	wait_for node.ready && judge node $pid
else
	skip 'node' 'node is not installed'
fi

if command -v memcached >/dev/null; then
	user=
	[ "$(id -u)" != 0 ] || user='-u root'
	port=$("$HERE/free_port.py")
	# shellcheck disable=SC2086
	memcached $user -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 64 2>/dev/null &
	pid=$!
	ok 'memcached serves' "$HERE/requests.py" memcached "$port"
	judge memcached $pid
else
	skip 'memcached' 'memcached is not installed'
fi

if nginx=$(PATH=$PATH:/usr/sbin command -v nginx); then
	port=$("$HERE/free_port.py")
	mkdir -p html
	seq 20000 >html/numbers.txt
	cat >nginx.conf <<-CONF
		daemon off;
		worker_processes 1;
		pid $OUT/nginx.pid;
		error_log $OUT/error.log;
		events { worker_connections 512; }
		http {
			access_log $OUT/access.log;
			client_body_temp_path $OUT/t1; proxy_temp_path $OUT/t2; fastcgi_temp_path $OUT/t3;
			uwsgi_temp_path $OUT/t4; scgi_temp_path $OUT/t5;
			gzip on;
			gzip_types text/plain;
			limit_req_zone \$binary_remote_addr zone=one:1m rate=1000r/s;
			server {
				listen 127.0.0.1:$port;
				root $OUT/html;
				limit_req zone=one burst=100;
				location /up/ { proxy_pass http://127.0.0.1:$port/; }
				location /again/ { rewrite ^/again/(.*)\$ /up/\$1 last; }
			}
		}
	CONF
	[ "$(id -u)" != 0 ] || sed -i '1i user root;' nginx.conf
	sed -i "1i working_directory $OUT;" nginx.conf
	"$nginx" -p "$OUT" -c "$OUT/nginx.conf" -e "$OUT/error.log" &
	master=$!
	ok 'nginx serves' "$HERE/requests.py" http "$port"
	judge nginx "$(pgrep -P "$master" | head -n 1)"
	kill -TERM "$master" 2>/dev/null
	wait "$master" 2>/dev/null
else
	skip 'nginx' 'nginx is not installed'
fi
plan_done
