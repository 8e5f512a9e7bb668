#!/usr/bin/env bash
# Likely allocation sites of programs as they are installed: right, or silent.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd addr2line

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'
gcc -std=gnu11 -O2 -g -fPIC -shared -o stacks.so "$SRC/tests/sites/stacks.c" -lpthread || exit 1

# stock_test NAME TOLD COMMAND... : it ends by SIGABRT of its own; at least TOLD blocks have a site
stock_test()
{
	local name=$1 told=$2
	shift 2
	if ! command -v "$1" >/dev/null; then
		skip "$name: sites are right, or not told" "no $1"
		return
	fi
	kernel_core "$name.core" env -i PATH="$PATH" SITES_TRUTH="$PWD/$name.truth" \
		LD_PRELOAD="$PWD/stacks.so" "$@" >core.log 2>&1 || note "$(cat core.log)"
	ok "$name: sites are right, or not told" python3 "$SRC/tests/sites/stock.py" "$COREHEAP" \
		"$name.core" "$name.truth" 95 50 "$told"
	note "$(cat "$OUT/.ok.log")"
	rm -f "$name.truth" "$name.core"
}

stock_test python3 0 /usr/bin/python3 -c 'import os, json
kept = [json.loads(json.dumps({str(i): "y" * (500 + i) for i in range(300)})) for _ in range(4)]
os.abort()'
stock_test perl 50 /usr/bin/perl -e 'my %h; $h{$_} = [$_, "x" x ($_ % 300)] for 1 .. 3000; kill ABRT => $$; sleep 9'
plan_done
