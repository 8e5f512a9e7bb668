#!/usr/bin/env bash
# The checker itself: it passes a table that says what the truth says, and fails each other one.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 gzip
check=$SRC/tests/victims/check.py
truth=$OUT/truth
gzip -dc "$SRC/corpus/bookworm-dynamic/truth.txt.gz" >"$truth"

# The table that coreheap ought to print for this truth.
cat >"$OUT/table.py" <<'PY'
import sys
sys.path.insert(0, __import__('os').environ['SRC'] + '/tests/victims')
import check
blocks, notes = check.read_truth(sys.argv[1])
print('address,size,state,reach,kind,arena,type,site')
headed = set()
for address, (usable, cls, label) in sorted(blocks.items()):
    reach = {'live': 'reachable', 'possible': 'possible',
             'leaked-indirect': 'indirect'}.get(cls, 'definite')
    if cls == 'leaked':
        reach = 'indirect' if label in headed else 'definite'
        headed.add(label)
    state = 'free' if cls == 'freed' else 'used'
    if len(sys.argv) > 2 and (cls != 'live' or sys.argv[2] == 'no-vectors' and '-by-xmm#' in label):
        reach = 'possible'
    print('%#x,%d,%s,%s,brk,0,,' % (address, usable, state, '' if state == 'free' else reach))
PY
python3 "$OUT/table.py" "$truth" >"$OUT/right.csv"
python3 "$OUT/table.py" "$truth" weak >"$OUT/right--weak.csv"
ok 'what the truth says' python3 "$check" "$truth" "$OUT/right.csv"
python3 "$OUT/table.py" "$truth" no-vectors |
	awk -F, -v OFS=, 'NR == FNR { if ($5 ~ /-by-[yz]mm/) high[$1]; next }
		$1 in high { $4 = "possible" } 1' FS=' ' "$truth" FS=, - >"$OUT/right--no-vectors.csv"
ok 'the same, vector registers missing' \
	python3 "$check" --no-vectors "$truth" "$OUT/right--no-vectors.csv"
ok 'the same, roots missing' python3 "$check" --weak "$truth" "$OUT/right--weak.csv"

# wrong DESC SED [OPTION]: the right table, edited, has to fail.
wrong()
{
	sed "$2" "$OUT/right${3:-}.csv" >"$OUT/wrong.csv"
	cmp -s "$OUT/right${3:-}.csv" "$OUT/wrong.csv" && { result 1 "$1: the edit took"; return; }
	not_ok "$1" python3 "$check" ${3:-} "$truth" "$OUT/wrong.csv"
}

# first WORD...: the address of the first block of this class (and label, without its group)
first()
{
	awk -v class="$1" -v label="${2:-}#" '
		$4 == class && (label == "#" || index($5, label) == 1) { print $1; exit }' "$truth"
}

for class in live possible leaked-definite leaked-indirect leaked; do
	wrong "$class: missing" "/^$(first $class),/d"
	wrong "$class: missing, roots missing" "/^$(first $class),/d" --weak
	wrong "$class: a wrong size" "s/^\($(first $class),\)/\11/"
	wrong "$class: free" "/^$(first $class),/s/,used,/,free,/"
done
wrong 'live: definite' "/^$(first live),/s/reachable/definite/"
wrong 'live: definite, roots missing' "/^$(first live),/s/reachable/definite/" --weak
wrong 'live: indirect' "/^$(first live),/s/reachable/indirect/"
wrong 'live: possible' "/^$(first live),/s/reachable/possible/"
wrong 'live: no reach' "/^$(first live),/s/reachable//"
wrong 'possible: reachable' "/^$(first possible),/s/,possible/,reachable/"
wrong 'possible: definite' "/^$(first possible),/s/,possible/,definite/"
wrong 'definite: indirect' "/^$(first leaked-definite),/s/definite/indirect/"
wrong 'definite: reachable' "/^$(first leaked-definite),/s/definite/reachable/"
wrong 'definite: reachable, roots missing' \
	"/^$(first leaked-definite),/s/,possible/,reachable/" --weak
wrong 'definite: definite, roots missing' \
	"/^$(first leaked-definite),/s/,possible/,definite/" --weak
wrong 'live: possible, roots missing, and no thread held it' \
	"/^$(first live size),/s/reachable/possible/" --weak
wrong 'definite: definite, vector registers missing' \
	"/^$(first leaked-definite),/s/,possible/,definite/" --no-vectors
wrong 'live: possible, vector registers missing, and a stack held it' \
	"/^$(first live held-by-stack),/s/reachable/possible/" --no-vectors
wrong 'held by a vector register: reachable, vector registers missing' \
	"/^$(first live held-by-xmm),/s/possible/reachable/" --no-vectors
wrong 'indirect: definite' "/^$(first leaked-indirect),/s/indirect/definite/"
wrong 'a ring without a head' "/^$(first leaked ring),/s/definite/indirect/"
wrong 'freed: used' "/^$(first freed),/s/,free,/,used,definite/"
wrong 'a large block that nobody has' '$a 0x7ffff0000000,100000,used,reachable,mmap,0,,'
many=$(for i in $(seq 10 60); do printf '0x7fff%d000000,24,used,reachable,arena,1,,\\n' "$i"; done)
wrong 'many blocks that nobody has' "\$a $many"
wrong 'rows out of order' '2{h;d};3{p;x}'
plan_done
