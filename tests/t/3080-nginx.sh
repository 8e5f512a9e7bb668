#!/usr/bin/env bash
# nginx: a worker process that has served requests from files and from other connections to itself.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || skip_all 'nginx is not installed'
TRUTH_BLOCKS=300

# serve NAME DROP: a server of its own, judged by its worker process.
serve()
{
	local name=$1 drop=$2 dir=$OUT/$1 port pid worker i
	port=$("$HERE/free_port.py")
	mkdir -p "$dir/html"
	seq 20000 >"$dir/html/numbers.txt"
	sed "s|@DIR@|$dir|g; s|@PORT@|$port|g" >"$dir/nginx.conf" <<-'CONF'
		daemon off;
		worker_processes 1;
		working_directory @DIR@;
		pid @DIR@/pid;
		error_log @DIR@/error.log;
		events { worker_connections 512; }
		http {
			access_log @DIR@/access.log;
			client_body_temp_path @DIR@/t1;
			proxy_temp_path @DIR@/t2;
			fastcgi_temp_path @DIR@/t3;
			uwsgi_temp_path @DIR@/t4;
			scgi_temp_path @DIR@/t5;
			gzip on;
			gzip_types text/plain;
			limit_req_zone $binary_remote_addr zone=one:1m rate=1000r/s;
			map $uri $kind { default other; ~^/n numbers; ~\.html$ page; }
			server {
				listen 127.0.0.1:@PORT@;
				root @DIR@/html;
				limit_req zone=one burst=100;
				location /up/ { proxy_pass http://127.0.0.1:@PORT@/; }
				location /again/ { rewrite ^/again/(.*)$ /up/$1 last; }
			}
		}
	CONF
	[ "$(id -u)" != 0 ] || sed -i '1i user root;' "$dir/nginx.conf"
	(cd "$dir" && recorded "$drop" "$nginx" -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log") \
		>"$dir/log" 2>&1 &
	pid=$!
	ok "$name: serves" "$HERE/requests.py" http "$port"
	worker=$(pgrep -P "$pid" | head -n 1)
	: >"$dir/ready"
	truth_of "$name" "$drop" "${worker:-0}" "$dir" ready || note "$(tail "$dir/error.log" "$dir/log")"
	kill -TERM "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

serve nginx 0
serve nginx-leaking 5
plan_done
