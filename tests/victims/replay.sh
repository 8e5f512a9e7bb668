# tests/victims/replay.sh: a core against what the victim declared. Sourced after lib.sh.

# link_away LINK: flags for executables that lie at fixed addresses, and their heaps in the GiB behind
# them: above the nanoseconds of a clock and the seconds since 1970, which would hold blocks.
link_away()
{
	case $1 in static | no-pie) echo -Wl,-Ttext-segment=0x78000000 ;; esac
}

# plan_build LINK [FLAGS...]: the victim as $OUT/plan-LINK
plan_build()
{
	# shellcheck disable=SC2046
	"$CC" -std=gnu11 -O1 -g -pthread -o "$OUT/plan-$1" "$SRC"/tests/victims/plan/*.c \
		$(link_away "$1") "${@:2}"
}

# build_all CMD: `CMD dynamic` has to build the victim, `CMD LINK -LINK` may for each other way to link
# a program; $builds are those that do.
build_all()
{
	local how
	ok 'the victim builds' "$1" dynamic
	builds=dynamic
	for how in static static-pie no-pie; do
		if "$1" "$how" -$how 2>"$OUT/$how.log"; then
			builds="$builds $how"
		else
			skip "the victim builds with -$how" 'no such libc here'
		fi
	done
}

# replay NAME CORE TRUTH: one check; its differences are shown where it fails. Roots may be missing:
# where stacks and their guard pages are one mapping (glibc 2.42 and later on Linux 6.13 and later),
# gdb's gcore (seen with 13.1 and 16.3) writes zeroes in place of all of it; qemu-user (seen with 7.2) writes
# no vector registers. $OUT/tally gets a line: the name, what is missing, the last line of check.py.
replay()
{
	local name=$1 core=$2 truth=$3 lost status=0
	if ! "$COREHEAP" blocks --format=csv --no-sites "$core" >"$OUT/$name.csv" 2>"$OUT/$name.err"; then
		result 1 "$name: coreheap reads it"
		note "$(head -c 2000 "$OUT/$name.err")"
		return 1
	fi
	lost=$(python3 "$SRC/tests/victims/lost.py" "$core") || { result 1 "$name: lost.py"; return 1; }
	case $lost in
	--weak) name="$name (its stacks are missing)" ;;
	--no-vectors) name="$name (its vector registers are missing)" ;;
	esac
	ok "$name" python3 "$SRC/tests/victims/check.py" $lost "$truth" "$OUT/${1}.csv" ||
		status=1
	printf '%s\t%s\t%s\n' "$1" "$lost" "$(tail -n 1 "$OUT/.ok.log")" >>"$OUT/tally"
	return "$status"
}
