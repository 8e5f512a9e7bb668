#!/usr/bin/env bash
# Against LeakSanitizer: the same leaky program gives the same blocks and bytes, definite and
# indirect together.
#
# How they divide differs: LeakSanitizer calls each block of a leaked ring indirect, coreheap and
# memcheck call one of them, the head, definite. LeakSanitizer knows no possible: to it a block is
# reachable by an interior pointer as by any other, so what coreheap calls possible it does not show.
. "$(dirname "$0")/../lib.sh"
need_cmd awk
. "$SRC/tests/victims/leaky.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi

lsan_cc=
for cc in clang gcc; do
	echo 'int main(void) { return 0; }' >"$OUT/none.c"
	"$cc" -fsanitize=leak -o "$OUT/none" "$OUT/none.c" 2>/dev/null && "$OUT/none" 2>"$OUT/none.log" &&
		{ lsan_cc=$cc; break; }
done
[ -n "$lsan_cc" ] || skip_all 'no compiler here has a LeakSanitizer that runs'

# lsan FLAGS...: prints `BYTES in BLOCKS`; its report goes to $OUT/lsan
lsan()
{
	"$lsan_cc" -O1 -fsanitize=leak -o "$OUT/leaky-lsan" "$SRC/tests/victims/leaky.c" "$@" || return
	LSAN_OPTIONS=exitcode=23 "$OUT/leaky-lsan" 2>"$OUT/lsan"
	[ $? -eq 23 ] || { echo "exit $?"; return; }
	sed -n 's/^SUMMARY: LeakSanitizer: \([0-9]*\) byte(s) leaked in \([0-9]*\) alloc.*/\1 in \2/p' \
		"$OUT/lsan"
}

# kind Direct|Indirect: blocks
kind()
{
	awk -v kind="$1" '$1 == kind && $2 == "leak" { n += $7 } END { print n + 0 }' "$OUT/lsan"
}

for possible in 0 1; do
	with=$([ $possible = 1 ] && echo with || echo without)
	ok "a core, $with possible leaks" leaky_rows -DPOSSIBLE=$possible
	is "definite and indirect, $with possible leaks" "$(leaky_sum definite indirect)" \
		"$(lsan -DPOSSIBLE=$possible)"
	lsan -DPOSSIBLE=$possible >"$OUT/lsan.sum"
	is "direct: definite less the ring's head, $with possible leaks" \
		"$(leaky_sum definite | sed 's/.* //')" $(($(kind Direct) + 1))
	is "indirect: less the ring's head, $with possible leaks" \
		"$(leaky_sum indirect | sed 's/.* //')" $(($(kind Indirect) - 1))
done
is 'possible is reachable to LeakSanitizer' "$(leaky_sum possible)" '1280 in 10'
plan_done
