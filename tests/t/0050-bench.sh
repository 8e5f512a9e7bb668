#!/usr/bin/env bash
# make bench, on small heaps: it runs, and every leak that it planted is found and nothing else but
# what the document explains.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'the bench is for the release build'
reason=$(core_forbidden) && skip_all "$reason"

ok 'the bench runs' env BLOCKS=60000 LEAKS=3000 ROUNDS=1 DOC="$OUT/doc.md" \
	"$SRC/tests/bench/run" "$COREHEAP" "$OUT"
like 'how fast the machine reads its memory' "$(cat "$OUT/doc.md")" \
	' with [0-9]{1,3}\.[0-9] GB/s by one thread, [0-9]{1,3}\.[0-9] by two\.$'
for kind in local random; do
	said=$(sed -n "/^### An ordinary heap, pointers $kind/,\$p" "$OUT/doc.md" | grep -m 1 '^Leaks planted')
	like "$kind: all planted leaks are found" "$said" \
		'planted: 3000, called definite or indirect as they are: 3000;'
	like "$kind: others are at most the three of exited threads" "$said" 'leaked: [0-3]\.$'
done
is 'a row for each command' "$(grep -c '^| `' "$OUT/doc.md")" $((2 * 10 + 6 * 4))
is 'a row for each size' "$(grep -c '^| [0-9]' "$OUT/doc.md")" 9
ok 'no core is left' [ -z "$(ls "$OUT"/bench/core.* 2>/dev/null)" ]
plan_done
