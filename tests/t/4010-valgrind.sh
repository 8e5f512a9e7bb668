#!/usr/bin/env bash
# Against valgrind's memcheck: the same leaky program gives the same blocks and bytes, by kind.
#
# Definite and indirect mean the same to both. So does possible, as far as this program goes: a block
# that only interior pointers lead to, and what it holds. They differ where memcheck's heuristics
# (stdstring, length64, newarray, multipleinheritance; on by default) take an interior pointer for a
# start pointer, so they are off here: coreheap has none.
. "$(dirname "$0")/../lib.sh"
need_cmd valgrind awk
. "$SRC/tests/victims/leaky.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi

# memcheck PROGRAM ARGS...: its leak summary, at the exit, in $OUT/memcheck
memcheck()
{
	valgrind --leak-check=full --show-leak-kinds=all --leak-check-heuristics=none \
		--log-file="$OUT/memcheck" "$@"
}

# lost KIND: prints `BYTES in BLOCKS`
lost()
{
	sed -n "s/,//g; s/.*$1 lost: \([0-9]*\) bytes in \([0-9]*\) blocks/\1 in \2/p" "$OUT/memcheck"
}

ok 'a core, without possible leaks' leaky_rows
ok 'memcheck, without possible leaks' memcheck "$OUT/leaky"
is 'memcheck finds the definite ones' "$(lost definitely | sed 's/.* //')" 57
is 'memcheck finds the indirect ones' "$(lost indirectly | sed 's/.* //')" 46
is 'definite' "$(leaky_sum definite)" "$(lost definitely)"
is 'indirect' "$(leaky_sum indirect)" "$(lost indirectly)"
is 'possible' "$(leaky_sum possible)" "$(lost possibly)"

ok 'a core, with possible leaks' leaky_rows -DPOSSIBLE=1
ok 'memcheck, with possible leaks' memcheck "$OUT/leaky"
is 'memcheck calls 10 blocks possibly lost' "$(lost possibly)" '1280 in 10'
is 'definite beside possible' "$(leaky_sum definite)" "$(lost definitely)"
is 'indirect beside possible' "$(leaky_sum indirect)" "$(lost indirectly)"
is 'possible, held by interior pointers' "$(leaky_sum possible)" "$(lost possibly)"

# At the point of the core, not at the exit: by a request from the program itself.
if "$CC" -O1 -DPOSSIBLE=1 -DCLIENT=1 -o "$OUT/client" "$SRC/tests/victims/leaky.c" \
	2>"$OUT/client.log"; then
	set -- $(memcheck "$OUT/client" count)
	is 'leaked bytes, asked for by the program' "$1" "$(leaky_sum definite indirect | sed 's/ .*//')"
	is 'possible bytes, asked for by the program' "$2" "$(leaky_sum possible | sed 's/ .*//')"
else
	skip 'asked for by the program' "valgrind's headers are not installed"
fi
plan_done
