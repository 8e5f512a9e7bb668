#!/usr/bin/env bash
# Types of what the C library allocates, of text and of arrays of pointers; and nothing is said of
# what only looks like that. The victim says what each block is.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

check()
{
	local name=$1
	kernel_core "$name.core" "$OUT/$name" "$OUT/truth" >/dev/null 2>&1
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" "$name.core" \
		truth --all-of .
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
}

compile dynamic "$SRC/tests/truth/things.c" || skip_all 'no compiler'
check dynamic
if compile static "$SRC/tests/truth/things.c" -static 2>/dev/null; then
	check static
else
	skip 'static: what the victim says' 'no static libc'
fi
strip -o stripped dynamic
check stripped

plan_done
