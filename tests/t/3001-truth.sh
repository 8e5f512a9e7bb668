#!/usr/bin/env bash
# The truth itself: the recorder and the reference marker on a program that knows what it planted,
# in a plain process, in a forked child, where the main arena has no break to grow into, and where the
# main thread's stack is in pieces; and the reference's leaks against valgrind's.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
TRUTH_BLOCKS=200

"$CC" -O1 -g -fno-builtin -Wall -Wextra -pthread -o victim "$HERE/planted.c"

# judge HOW: the reference on the program, and both on what it planted
judge()
{
	local how=$1 pid
	rm -rf "$how"
	mkdir "$how"
	(cd "$how" && recorded 0 "$OUT/victim" "$how") >"$how/log" 2>&1 &
	pid=$!
	ok "$how: it gets ready" timeout 60 sh -c 'until grep -q ^ready "$1"; do sleep 0.05; done' \
		- "$how/log"
	: >"$how/ready"
	truth_of "$how" 0 "$(sed -n 's/^pid //p' "$how/log")" "$OUT/$how" ready
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

for how in alone fork blocked pieces; do
	judge "$how"
	for core in gcore kernel; do
		[ ! -f "$how/$core.ref" ] || ok "$how: the reference finds what was planted, $core" \
			"$HERE/planted.py" "$how/log" "$how/$core.ref"
	done
done

like 'blocked: the main arena goes on in mappings' "$(cat blocked/gcore.log)" \
	'^refmark: main arena: [1-9][0-9]* bytes of its break, [1-9][0-9]{6} mapped$'

# The comparison must see differences.
sed 's/,definite$/,reachable/' alone/gcore.ref >changed.ref
not_ok 'compare.py sees blocks that are wrongly called leaked' \
	"$HERE/compare.py" alone/gcore.csv changed.ref
grep -v ,1000, alone/gcore.ref >fewer.ref
not_ok 'compare.py sees blocks that should not be' "$HERE/compare.py" alone/gcore.csv fewer.ref
not_ok 'planted.py sees what is missing' "$HERE/planted.py" alone/log fewer.ref

# valgrind: what is definitely and indirectly lost at the end of a run of one thread.
if command -v valgrind >/dev/null; then
	"$CC" -O1 -g -fno-builtin -Wall -Wextra -o leaky "$HERE/leaky.c"
	valgrind --leak-check=full --error-exitcode=0 --log-file=valgrind.log ./leaky >/dev/null
	mkdir leaky.dir
	(cd leaky.dir && recorded 0 "$OUT/leaky" ready) >leaky.dir/log 2>&1 &
	pid=$!
	truth_of leaky 0 "$pid" "$OUT/leaky.dir" ready
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	# kind, bytes (requested), blocks
	valgrind_says=$(sed -n 's/.* \(definitely\|indirectly\) lost: \([0-9,]*\) bytes in \([0-9,]*\).*/\1 \2 \3/p' \
		valgrind.log | tr -d ,)
	reference_says=$(awk -F, '{ n[$5]++; b[$5] += $3 } END {
		print "definitely", b["definite"], n["definite"]
		print "indirectly", b["indirect"], n["indirect"] }' leaky.dir/gcore.ref)
	is 'the reference counts as valgrind does' "$reference_says" "$valgrind_says"
else
	skip 'the reference counts as valgrind does' 'valgrind is not installed'
fi

# LeakSanitizer adds definite and indirect up.
if "$CC" -O1 -g -fno-builtin -fsanitize=leak -o leaky-lsan "$HERE/leaky.c" 2>/dev/null; then
	LSAN_OPTIONS=exitcode=23 ./leaky-lsan >lsan.log 2>&1
	is 'the reference counts as LeakSanitizer does' \
		"$(awk -F, '$5 == "definite" || $5 == "indirect" { n++; b += $3 } END { print b, n }' \
			leaky.dir/gcore.ref)" \
		"$(sed -n 's/^SUMMARY: .*: \([0-9]*\) byte.* in \([0-9]*\) alloc.*/\1 \2/p' lsan.log)"
else
	skip 'the reference counts as LeakSanitizer does' "$CC has no LeakSanitizer here"
fi
plan_done
