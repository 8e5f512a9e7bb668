#!/usr/bin/env bash
# Types of C programs from debug information: the victim says what each block is, built by both
# compilers, with and without optimization.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

# Lists, trees, tables, flexible arrays, links in the middle, first members, an opaque type, what is
# known in thread-local variables and in those of functions only, behind headers of an allocator of
# the program's own, in a struct of which one pointer leads to what is smaller, objects of a program's
# own classes.
FOUND='^(session|buffer|tree|item|item \*\[\]|slot\[\]|table|vec|old|job|timer|window|button|opaque|secret|local|ware|shelf)$'

check()
{
	local name=$1 cc=$2
	shift 2
	command -v "$cc" >/dev/null || { skip "$name" "$cc is not installed"; return; }
	"$cc" -g "$@" -o victim "$SRC/tests/truth/typed.c" "$SRC/tests/truth/typed_opaque.c" -pthread || {
		result 1 "$name: it is built"
		return
	}
	ok "$name: a core" kernel_core core "$OUT/victim" "$OUT/said" || return
	sed 's/struct //; s/char\[\]/text/' said >truth
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" core truth \
		--all-of "$FOUND" --all-of '^daemon$' --all-of '^process$' --share 0.93
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
}

check 'gcc, not optimized' gcc -O0
check 'gcc, optimized' gcc -O2
check 'clang, not optimized, DWARF 4' clang -O0 -gdwarf-4
check 'clang, optimized' clang -O2

# Without debug information nothing is asserted by it, and nothing is wrong.
objcopy --strip-debug victim stripped
ok 'without debug information: a core' kernel_core core "$OUT/stripped" "$OUT/said"
ok 'and a listing' sh -c '"$COREHEAP" blocks core --format=jsonl >listing'
is 'in which no type comes from debug information' "$(grep -c '"type_method": "dwarf"' listing)" 0
plan_done
