#!/usr/bin/env bash
# The ledger: on every core of the corpus, on damaged ones and on one that is cut off, its lines add up to what is
# mapped, to the byte.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

ok 'the corpus' python3 "$SRC/tests/ledger/sums.py" "$COREHEAP" "$SRC"/corpus/*/core.zst
note "$(cat .ok.log)"
ok 'damaged heaps' python3 "$SRC/tests/ledger/sums.py" "$COREHEAP" "$SRC"/corpus/bad/bookworm-*/core.zst
note "$(cat .ok.log)"
zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o whole
for share in 2 5 9; do
	head -c $(($(stat -c %s whole) * share / 10)) whole >cut
	ok "a core of which $share tenths are left" python3 "$SRC/tests/ledger/sums.py" "$COREHEAP" cut
done
ledger='import json, sys; m = json.load(sys.stdin)["memory"]; print(m["ledger"], m["sharing"], m["trimmable"])'
is 'summary has the same lines as maps' "$("$COREHEAP" summary --json whole | python3 -c "$ledger")" \
	"$("$COREHEAP" maps --json whole | python3 -c "$ledger")"
text=$("$COREHEAP" maps -v whole)
like 'maps -v has the lines' "$text" '^malloc-in-use +92.9 MiB +92.9 MiB +960 KiB +0 B$'
like 'and the kinds of mapping' "$text" '^private-anonymous +411 MiB +133 MiB +1.66 MiB +0 B$'
like 'without -v the total is the last line' "$("$COREHEAP" maps whole | tail -n 1)" '^total kB '
plan_done
