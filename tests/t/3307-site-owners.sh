#!/usr/bin/env bash
# Text and buffers that one helper allocates for everybody are told by whose they are.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'
sites=$SRC/tests/sites

# owner_test NAME FLAGS... : owned.c built so; $how as owners.py has it
owner_test()
{
	local name=$1
	shift
	ok "$name: builds" gcc -std=gnu11 "$@" -o "$name" "$sites/owned.c"
	ok "$name: its core appears" kernel_core "$name.core" env -i "$PWD/$name" "$PWD/$name.truth"
	ok "$name: owners are right, and told alike" \
		python3 "$sites/owners.py" "$COREHEAP" "$name.core" "$name.truth" "$how"
	note "$(cat "$OUT/.ok.log")"
}

how=names owner_test O2 -O2 -g
how=addresses owner_test stripped -O2 -s

like 'the table says that a block is held' \
	"$("$COREHEAP" leaks --reach indirect O2.core)" 'held by job, allocated in make_job [(]owned.c:[0-9]+[)]'
"$COREHEAP" leaks --reach indirect --group-by site --json O2.core >by-site.json
ok 'by site, content of one owner is one finding' python3 - by-site.json <<'END'
import collections, json, sys
owners = collections.Counter(f["owner"] for f in json.load(open(sys.argv[1]))["findings"]
                             if "owner" in f)
sys.exit(not owners or max(owners.values()) > 1)
END
plan_done
