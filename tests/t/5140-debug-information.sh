#!/usr/bin/env bash
# Damaged debug information: no crash, no hang, and what needs none stays as it is.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
ROUNDS=6

# rounds NAME FILE CORE ADDRESS...
rounds()
{
	local name=$1 file=$2 core=$3 i status bad=0 differ=0 told=0
	shift 3
	"$COREHEAP" blocks "$core" -q --format=csv 2>/dev/null | cut -d, -f1-6 >whole
	for ((i = 0; i < ROUNDS; i++)); do
		"$SRC/tests/hostile/dwarf.py" "$file" damaged "$i" || exit 1
		chmod +x damaged
		timeout 60 "$COREHEAP" blocks "$core" --exe damaged --format=csv >listing 2>said
		status=$?
		cut -d, -f1-6 listing | cmp -s - whole || differ=$((differ + 1))
		[ $status -eq 0 ] || { bad=$((bad + 1)); note "blocks, seed $i: exit $status"; }
		grep -q 'debug information of .* is damaged' said && told=$((told + 1))
		timeout 60 "$COREHEAP" explain "$core" --exe damaged -q "$@" >/dev/null 2>said
		status=$?
		[ $status -eq 0 ] || { bad=$((bad + 1)); note "explain, seed $i: exit $status"; }
	done
	is "$name: $ROUNDS damaged files, no harm" "$bad" 0
	is "$name: the blocks are the same" "$differ" 0
	[ "$told" -gt 0 ]
	result $? "$name: damage that is met is told ($told of $ROUNDS)"
}

g++ -g -O1 -o classes "$SRC/tests/types/variables.cc" || skip_all 'no C++ compiler'
ok 'C++: a core' kernel_core classes.core "$OUT/classes"
mv classes classes.file # so that only --exe has it
rounds 'C++' classes.file classes.core $(sed -n 's/^\(0x[^ ]*\) .*/\1/p' classes.core.log)

gcc -g -gdwarf-4 -O0 -o typed "$SRC/tests/truth/typed.c" "$SRC/tests/truth/typed_opaque.c" -pthread
ok 'C: a core' kernel_core typed.core "$OUT/typed" "$OUT/said.typed"
mv typed typed.file
rounds 'C' typed.file typed.core $(awk 'NR % 97 == 1 { print $1 }' said.typed)
plan_done
