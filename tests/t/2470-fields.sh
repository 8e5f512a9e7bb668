#!/usr/bin/env bash
# Members of typed blocks in explain: their names, what their pointers lead to, and no content unasked.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
gcc -g -O0 -o victim "$SRC/tests/truth/typed.c" "$SRC/tests/truth/typed_opaque.c" -pthread ||
	skip_all 'no compiler'
ok 'a core' kernel_core core "$OUT/victim" "$OUT/said" || exit 1

# block TYPE N: the address of the N-th block of a type, from the end.
block()
{
	awk -F '\t' -v t="$1" '$2 == t { print $1 }' said | tail -n "${2:-1}" | head -n 1
}
explain()
{
	"$COREHEAP" explain core "$@"
}

list=$(explain "$(block 'struct local')")
like 'a variable of a function holds it' "$list" 'stack of thread [0-9]+, in the frame of main, variable list  ->'
like 'and its field leads on' "$list" "^ +0 +next +local \* +$(block 'struct local' 2), used block .*: local\$"

session=$(block 'struct session' 23) # the one before the last of the list, before those of the union
text=$(explain "$session")
like 'type' "$text" '^  type +session; typed pointers'
like 'a pointer to what is known' "$text" '^ +40 +io\.in +buffer \* +0x[0-9a-f]+, used block 0x[0-9a-f]+ of 24 B: buffer$'
like 'a bitfield' "$text" '^ +16 +id +unsigned int:20$'
like 'a NULL' "$(explain "$(block 'struct job')")" '^ +[0-9]+ +payload +void \* '
like 'who points there, by the member' "$text" 'session\.next \(reachable\) +-> +'"$session"
like 'an address inside: its member' "$(explain "$(printf '0x%x' $((session + 40)))")" '^  member +session\.io\.in$'
like 'an array' "$(explain "$(block 'struct slot[]' 3)")" '^  fields +of the first of 100 elements$'

ware=$(block 'struct ware' 3) # with a mark and its length in front
behind=$(explain "$ware")
like 'behind a header: type' "$behind" '^  type +ware; typed pointers'
like 'and where its members are' "$behind" '^ +16 +next +ware \* '
like 'an address inside' "$(explain "$(printf '0x%x' $((ware + 40)))")" '^  member +ware\.label$'

is 'no content unasked' "$(printf '%s\n' "$text" | grep -Ec '^ +(16|32|56) .*0x')" 0
like 'content where it is asked for' "$(explain --show-content=8 "$session")" '^ +32 +io\.fd +int +0x0$'

"$COREHEAP" explain core --json "$session" >json
is 'in JSON' "$(python3 -c '
import json
e = json.load(open("json"))["explain"][0]
f = {v["name"]: v for v in e["fields"]}
print(f["io.in"]["offset"], f["io.in"]["type"], "value" in f["io.in"], "content" in f["io.fd"],
      f["id"]["bits"])')" '40 buffer * True False 20'
plan_done
