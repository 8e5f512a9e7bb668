#!/usr/bin/env bash
# make bench, on a small heap: it runs, and every leak that it planted is found and nothing else but
# what the document explains.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'the bench is for the release build'
reason=$(core_forbidden) && skip_all "$reason"

ok 'the bench runs' env BLOCKS=200000 LEAKS=3000 DOC="$OUT/doc.md" \
	"$SRC/tests/bench/run" "$COREHEAP" "$OUT"
for kind in local random; do
	said=$(sed -n "/^### Pointers $kind/,\$p" "$OUT/doc.md" | grep -m 1 '^Core: ')
	like "$kind: all planted leaks are found" "$said" \
		'planted: 3000, called definite or indirect as they are: 3000;'
	like "$kind: others are at most the three of exited threads" "$said" 'leaked: [0-3]\.$'
done
is 'a row for each command' "$(grep -c '^| `' "$OUT/doc.md")" 6
plan_done
