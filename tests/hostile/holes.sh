#!/usr/bin/env bash
# The campaign behind tests/t/5020-holes.sh: holes.py on every core of the corpus, or on given cores.
#
# usage: holes.sh COREHEAP FOLDER [CUTS [HOLES [SEED [CORE...]]]]
#
# FOLDER is for scratch files. Without CORE, each corpus core is unpacked there in turn. Prints a line
# for each core and the sum; exits 1 if any failed.
set -u
src=$(cd "$(dirname "$0")/../.." && pwd)
coreheap=$1
folder=$2
cuts=${3:-100}
holes=${4:-25}
seed=${5:-1}
shift $(($# < 5 ? $# : 5))
failed=0
cores=0
exact=0

one()
{
	local out status=0
	out=$(python3 "$src/tests/hostile/holes.py" "$coreheap" "$2" "$cuts" "$holes" "$seed") || status=$?
	[ "$status" -eq 0 ] || { failed=$((failed + 1)); printf '%s\n' "$out" | sed '$d' | sed 's/^/  /'; }
	printf '%s: %s\n' "$1" "$(printf '%s\n' "$out" | tail -n 1)"
	cores=$((cores + $(printf '%s\n' "$out" | sed -n '$s/^\([0-9]*\) cores.*/\1/p')))
	exact=$((exact + $(printf '%s\n' "$out" | sed -n '$s/.*, \([0-9]*\) of them.*/\1/p')))
}

if [ $# -gt 0 ]; then
	for core; do
		one "$core" "$core"
	done
else
	for packed in "$src"/corpus/*/core.zst; do
		zstd -q -d -f --sparse "$packed" -o "$folder/core" || exit 1
		one "$(basename "$(dirname "$packed")")" "$folder/core"
		rm -f "$folder/core"
	done
fi
echo "$cores cores, $exact of them with the whole heap, $failed inputs with failures"
[ "$failed" -eq 0 ]
