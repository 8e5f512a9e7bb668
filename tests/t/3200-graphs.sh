#!/usr/bin/env bash
# Big graphs of shapes that a mark can stumble over: every block's verdict is what the program that
# made them declares, whatever the number of threads that analyze it.
. "$(dirname "$0")/../lib.sh"
reason=$(core_forbidden) && skip_all "$reason"
n=250000
[ "${SAN:-0}" = 0 ] || n=100000

"$CC" -O1 -g -Wall -Wextra -pthread -o graphs "$SRC/tests/bench/graphs.c"
for kind in random local list star arrays threads; do
	kernel_core core "$OUT/graphs" $kind $n 40 print
	LC_ALL=C sort core.log >truth
	for threads in 1 2 5; do
		"$COREHEAP" blocks core --threads $threads --format csv --no-sites |
			awk -F, 'NR > 1 { print $1 " " $4 }' | LC_ALL=C sort >found.$threads
		is "$kind, $threads threads: blocks with another verdict than declared" \
			"$(LC_ALL=C comm -23 truth found.$threads | wc -l)" 0
	done
	is "$kind: two threads find what one does" "$([ -s found.1 ] && cmp found.1 found.2 && echo same)" same
	# glibc keeps up to 40 MiB of exited threads' stacks, and their thread-local storage with them
	others=$(LC_ALL=C comm -13 truth found.1 | grep -c 'definite\|indirect')
	ok "$kind: others called leaked: $others, at most those of five stacks" [ "$others" -le 5 ]
done

# A part of the heap whose walk does not come out even is walked again as a whole.
kernel_core core "$OUT/graphs" local $n 40 print
python3 - core <<'PY'
import struct, sys
addresses = [int(line.split()[0], 16) for line in open('core.log')]
data = bytearray(open('core', 'rb').read())
phoff, phnum = struct.unpack_from('<Q', data, 32)[0], struct.unpack_from('<H', data, 56)[0]
for block in addresses[len(addresses) // 3], addresses[len(addresses) * 2 // 3]:
    for i in range(phnum):
        kind, _, offset, start, _, size = struct.unpack_from('<IIQQQQ', data, phoff + 56 * i)
        if kind == 1 and start <= block < start + size:
            struct.pack_into('<Q', data, offset + block - 8 - start, 0x4141414141414141)
open('damaged', 'wb').write(data)
PY
for threads in 1 2 5; do
	"$COREHEAP" check damaged --threads $threads --json >check.$threads
	"$COREHEAP" blocks damaged --threads $threads --format csv --no-sites >blocks.$threads
done
is 'two bad headers are found' "$(grep -o '"code": "chunk-size"' check.1 | wc -l)" 2
for threads in 2 5; do
	ok "$threads threads find the blocks that one does" cmp blocks.1 blocks.$threads
	ok "$threads threads say of it what one does" cmp check.1 check.$threads
done
plan_done
