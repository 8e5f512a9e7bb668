#!/usr/bin/env bash
# libcoreheap_sites.so: every block of a program that says where it allocates has its site, whatever
# way it came, with frame pointers and without, and what the library keeps keeps no block alive.
. "$(dirname "$0")/../lib.sh"
HERE=$SRC/tests/kept
SITES=$BUILD/libcoreheap_sites.so
[ -f "$SITES" ] || skip_all 'the library is for x86-64 and aarch64'
reason=$(core_forbidden) && skip_all "$reason"
need_cmd python3

# judge PROGRAM MODE METHOD
judge()
{
	local name=$1-${2%%:*} program=$1 mode=$2 method=$3
	local stacks=stacks
	[ "$mode" != caller ] || stacks=
	kernel_core "$name.core" env COREHEAP_SITES="$mode" LD_PRELOAD="$SITES" "$OUT/$program" $stacks
	mv "$name.core.log" "$name.truth"
	ok "$name: blocks" sh -c '"$COREHEAP" blocks --format=jsonl "$1.core" >"$1.jsonl"' - "$name"
	ok "$name: every block has its site" "$HERE/check.py" "$name.truth" "$name.jsonl" "$method"
	[ "$mode" = caller ] && return
	awk 'NR % 7 == 0 { print $1 }' "$name.truth" >addresses
	ok "$name: explain" sh -c '"$COREHEAP" explain --json "$1.core" $(cat addresses) >"$1.json"' \
		- "$name"
	ok "$name: the stacks are whole" "$HERE/stacks.py" "$name.truth" "$name.json"
}

compile kept "$HERE/kept.c" -O2 -fomit-frame-pointer -fno-optimize-sibling-calls
compile kept-fp "$HERE/kept.c" -O2 -fno-omit-frame-pointer -fno-optimize-sibling-calls
for program in kept kept-fp; do
	judge $program caller exact
	judge $program stack exact
done
judge kept sampled:1 sampled

# leaks: groups by stack, each with what it is.
cat >leaks.py <<'PY'
import json, sys
sites = json.load(open(sys.argv[1]))
leaks = [f for f in sites["findings"] if f["kind"] == "leak" and f.get("reach") == "definite"]
assert leaks and all(f["site_method"] == sys.argv[2] for f in leaks if "stack" in f), leaks
assert sum(f["blocks"] for f in leaks if "stack" in f) >= 2
stacks = [[frame["pc"] for frame in f["stack"]] for f in leaks if "stack" in f]
assert len(stacks) == len(set(map(tuple, stacks))), "a stack twice"
for f in leaks:
    if "stack" in f:
        assert f["site"]["function"] in [frame.get("function") for frame in f["stack"]], f
        assert ("estimated" in f) == (sys.argv[2] == "sampled")
        assert sys.argv[2] == "exact" or f["estimated"]["blocks"] >= f["blocks"]
PY
"$COREHEAP" schema >schema.json
for core in kept-stack kept-sampled; do
	method=exact
	[ $core = kept-stack ] || method=sampled
	"$COREHEAP" leaks --json $core.core >leaks.json
	ok "$core: leaks by stack" python3 leaks.py leaks.json $method
	like "$core: and as text" "$("$COREHEAP" leaks $core.core)" '^  .* in [0-9]+ allocations? from stack'
done

like 'maps names the region' "$("$COREHEAP" maps kept-stack.core)" 'allocation sites, kept by'
like 'and its reserve' "$("$COREHEAP" maps kept-stack.core)" 'reserve of libcoreheap_sites'

# Three blocks are lost, and a word left behind somewhere may hold one of them by chance. Were the
# region a root, none would be.
"$COREHEAP" blocks --format=csv kept-stack.core >blocks.csv
awk 'NR == FNR { told[$1] = 1; next } { split($0, f, ","); if (f[1] in told) print f[4] }' \
	kept-stack.truth blocks.csv | sort | uniq -c >verdicts
lost=$(awk '$2 == "definite" { print $1 }' verdicts)
[ "${lost:-0}" -ge 2 ] && [ "$lost" -le 3 ]
result $? "of three lost blocks ${lost:-0} are called definite"
is 'the others are reachable' "$(awk '$2 != "definite" && $2 != "possible" { print $2 }' verdicts)" \
	reachable
plan_done
