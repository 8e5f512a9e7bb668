# tests/victims/replay.sh: a core against what the victim declared. Sourced after lib.sh.

# stacks_lost CORE: are thread stacks missing from it? Where stacks and their guard pages are one
# mapping (glibc 2.42 and later on Linux 6.13 and later), gdb's gcore (seen with 13.1) writes zeroes
# in place of all of it.
stacks_lost()
{
	python3 "$SRC/tests/victims/stacks_lost.py" "$1"
}

# replay NAME CORE TRUTH: one check; its differences are shown where it fails.
replay()
{
	local name=$1 core=$2 truth=$3 weak=
	if ! "$COREHEAP" blocks --format=csv "$core" >"$OUT/$name.csv" 2>"$OUT/$name.err"; then
		result 1 "$name: coreheap reads it"
		note "$(head -c 2000 "$OUT/$name.err")"
		return 1
	fi
	if stacks_lost "$core"; then
		weak=--weak
		name="$name (its stacks are missing)"
	fi
	ok "$name" python3 "$SRC/tests/victims/check.py" $weak "$truth" "$OUT/${1}.csv"
}
