#!/usr/bin/env bash
# memcached: four worker threads, items set, read, replaced and deleted over several connections.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd memcached
TRUTH_BLOCKS=200

# serve NAME DROP
serve()
{
	local name=$1 drop=$2 dir=$OUT/$1 port pid user=
	[ "$(id -u)" != 0 ] || user='-u root'
	port=$("$HERE/free_port.py")
	mkdir -p "$dir"
	# shellcheck disable=SC2086
	(cd "$dir" && recorded "$drop" "$(command -v memcached)" $user -l 127.0.0.1 -p "$port" -U 0 \
		-t 4 -m 64) >"$dir/log" 2>&1 &
	pid=$!
	ok "$name: serves" "$HERE/requests.py" memcached "$port"
	: >"$dir/ready"
	truth_of "$name" "$drop" "$pid" "$dir" ready || note "$(tail "$dir/log")"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

serve memcached 0
serve memcached-leaking 2
plan_done
