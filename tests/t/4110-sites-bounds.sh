#!/usr/bin/env bash
# libcoreheap_sites.so at its bounds: what it has no room for is counted, and told.
. "$(dirname "$0")/../lib.sh"
HERE=$SRC/tests/kept
SITES=$BUILD/libcoreheap_sites.so
[ -f "$SITES" ] || skip_all 'the library is for x86-64 and aarch64'
reason=$(core_forbidden) && skip_all "$reason"

# A region that is too small: what is lost is counted and told.
compile many "$HERE/many.c" -O2
for memory in 1M 64M; do
	kernel_core many-$memory.core env COREHEAP_SITES_MEMORY=$memory LD_PRELOAD="$SITES" "$OUT/many"
	"$COREHEAP" blocks --format=csv many-$memory.core >many.csv
	known=$(grep -c ',used,.*,main (' many.csv)
	lost=$("$COREHEAP" summary --json many-$memory.core |
		sed -n 's/.*allocation sites of \([0-9]*\) blocks were not kept.*/\1/p')
	is "$memory: known and lost are all" $((known + ${lost:-0})) 300000
done
[ "$(grep -c . many.csv)" -gt 300000 ]
result $? 'all blocks are listed'
[ -z "$lost" ]
result $? 'nothing is lost where there is room'

compile kept "$HERE/kept.c" -O2
kernel_core bad.core env COREHEAP_SITES=everything LD_PRELOAD="$SITES" "$OUT/kept" stacks
like 'a setting that is not understood is told' "$("$COREHEAP" check bad.core 2>&1)" 'did not understand'
plan_done
