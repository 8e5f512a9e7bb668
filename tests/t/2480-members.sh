#!/usr/bin/env bash
# Types of blocks that no typed pointer leads to, by their members: the victim says what each is.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

check()
{
	local name=$1 cc=$2
	shift 2
	command -v "$cc" >/dev/null || { skip "$name" "$cc is not installed"; return; }
	"$cc" -g "$@" -o victim "$SRC/tests/truth/members.c" || { result 1 "$name: it is built"; return; }
	ok "$name: a core" kernel_core core "$OUT/victim" "$OUT/truth" || return
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" core truth \
		--all-of '^(order|customer|line|bond)$' --share 0.95
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
}

check 'clang, optimized' clang -O2
check 'gcc, not optimized' gcc -O0
check 'gcc, optimized' gcc -O2

order=$("$COREHEAP" blocks core --format csv --type '^order$' --reach indirect | awk -F, 'NR == 2 { print $1 }')
text=$("$COREHEAP" explain core "$order")
like 'explain tells how it is known' "$text" '^  type +order; it is the only type of the program whose members agree'
like 'and its members' "$text" '^ +0 +who +customer \* .*: customer$'
like 'a lost one is told in leaks, too' "$("$COREHEAP" leaks core)" ' bond\{.* order\{'
strip --strip-debug -o stripped victim
kernel_core core "$OUT/stripped" "$OUT/truth"
is 'nothing of it without debug information' \
	"$("$COREHEAP" blocks core --format jsonl | grep -c '"type_method": "members"')" 0
plan_done
