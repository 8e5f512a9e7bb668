#!/usr/bin/env bash
# Names in a core are the dead process's: what a terminal acts on never reaches a terminal, and JSON
# stays JSON.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d "$SRC/corpus/bookworm-dynamic/core.zst" -o core
python3 - <<'PY'
data = open("core", "rb").read()
# The process's name, and the path of its program in the file map and on the stack.
evil = data.replace(b"plan-dynamic\0", b"\33]0;x\7\n,\"\xff\x9b1\0")
assert len(evil) == len(data) and evil != data
open("evil", "wb").write(evil)
PY
ok 'the names are in there' grep -aq "$(printf '\033]0;x')" evil
for what in summary leaks check maps threads arenas blocks 'maps --format csv' 'summary --json' \
	'leaks --json' 'leaks --format jsonl' 'leaks --format csv' 'threads --json' 'maps --json' \
	'summary --format prom' 'leaks --format folded' 'leaks --format html'; do
	# shellcheck disable=SC2086
	exits "$what: exit 0" 0 "$COREHEAP" $what evil
	cat stdout stderr | LC_ALL=C tr -d '\n\40-\176' >left
	is "$what: only printable characters" "$(od -An -tx1 left)" ''
done
for what in summary leaks check threads maps arenas blocks; do
	ok "$what --json is JSON" sh -c "'$COREHEAP' $what evil --json 2>/dev/null | python3 -m json.tool"
done
cp evil "$(printf 'a\033[31m name')"
exits 'a core whose own name is odd' 0 "$COREHEAP" "$(printf 'a\033[31m name')"
is 'its name is made visible too' "$(cat stdout stderr | grep -c "$(printf '\033')")" 0
exits 'a missing core whose name is odd' 3 "$COREHEAP" "$(printf './no\033[31m')"
is 'messages too' "$(grep -c "$(printf '\033')" stderr)" 0
plan_done
