# tests/lib.sh: what numbered tests share. A test is a bash script that prints TAP:
#
#	. "$(dirname "$0")/../lib.sh"
#	ok 'it works' some command
#	is 'it says so' "$(some command)" 'so'
#	plan_done
#
# Given by tests/run, else set here so that a test also runs alone:
#	SRC       the top of the source tree
#	BUILD     the build folder
#	COREHEAP  the program under test
#	OUT       this test's scratch folder, empty; the test starts in it
set -u
SRC=${SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
BUILD=$(cd "$SRC" && mkdir -p "${BUILD:-build}" && cd "${BUILD:-build}" && pwd)
COREHEAP=${COREHEAP:-$BUILD/coreheap}
CC=${CC:-gcc}
if [ -z "${OUT:-}" ]; then
	OUT=$BUILD/test/$(basename "$0" .sh)
	rm -rf "$OUT"
	mkdir -p "$OUT"
fi
XDG_CACHE_HOME=$BUILD/cache
export SRC BUILD COREHEAP CC OUT XDG_CACHE_HOME LC_ALL=C.UTF-8
cd "$OUT" || exit 1

tap_count=0
tap_failed=0
tap_planned=

# result STATUS DESC [DIRECTIVE]: prints one TAP line; STATUS 0 is ok.
result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2${3:+ # $3}"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
	return "$1"
}

# note TEXT: lines for the reader, as TAP comments.
note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# ok DESC CMD...: passes where CMD succeeds; its output is shown where it does not.
ok()
{
	local desc=$1 status
	shift
	"$@" >"$OUT/.ok.log" 2>&1
	status=$?
	result "$status" "$desc" || {
		note "exit $status of: $*"
		head -c 4000 "$OUT/.ok.log" | sed 's/^/#   /'
		return 1
	}
}

# not_ok DESC CMD...: passes where CMD fails with a plain exit status (1 to 125).
not_ok()
{
	local desc=$1
	shift
	ok "$desc" fails_plainly "$@"
}

fails_plainly()
{
	local status=0
	"$@" || status=$?
	echo "exit status $status"
	[ "$status" -ge 1 ] && [ "$status" -le 125 ]
}

# exits DESC STATUS CMD...: passes where CMD ends with STATUS. Its output: $OUT/stdout, $OUT/stderr.
exits()
{
	local desc=$1 want=$2 status
	shift 2
	"$@" >"$OUT/stdout" 2>"$OUT/stderr"
	status=$?
	[ "$status" -eq "$want" ]
	result $? "$desc" || {
		note "exit $status, not $want, of: $*"
		head -c 2000 "$OUT/stderr" | sed 's/^/#   /'
		return 1
	}
}

# is DESC GOT WANT: passes where the two strings are the same.
is()
{
	[ "$2" = "$3" ]
	result $? "$1" || {
		note "got:  $(printf '%s' "$2" | head -c 2000)"
		note "want: $(printf '%s' "$3" | head -c 2000)"
		return 1
	}
}

# like DESC TEXT REGEX: passes where TEXT holds a line that matches the extended REGEX.
like()
{
	printf '%s\n' "$2" | grep -Eq -e "$3"
	result $? "$1" || {
		note "no line matches: $3"
		printf '%s\n' "$2" | head -c 2000 | sed 's/^/#   /'
		return 1
	}
}

# skip DESC REASON: one check that cannot be made here. It is counted and shown.
skip()
{
	result 0 "$1" "SKIP $2"
}

# skip_all REASON: ends a test that cannot be made here.
skip_all()
{
	[ "$tap_count" -eq 0 ] || { skip 'the rest' "$1"; plan_done; }
	echo "1..0 # SKIP $1"
	tap_planned=1
	exit 0
}

# need_cmd CMD...: skips the test where one of them is not installed.
need_cmd()
{
	local cmd
	for cmd; do
		command -v "$cmd" >/dev/null || skip_all "$cmd is not installed"
	done
}

# plan_done: the last line of a test.
plan_done()
{
	echo "1..$tap_count"
	tap_planned=1
	[ "$tap_failed" -eq 0 ]
	exit
}

tap_at_exit()
{
	local status=$?
	[ -n "$tap_planned" ] && exit "$status"
	result 1 "the test came to its end (it stopped early with exit $status)"
	echo "1..$tap_count"
	exit 1
}
trap tap_at_exit EXIT

# core_forbidden, kernel_core, kernel_core_of, gcore_of
. "$SRC/tests/cores.sh"

# wait_for FILE [SECONDS]: waits until FILE has something in it.
wait_for()
{
	local i
	for ((i = 0; i < ${2:-30} * 20; i++)); do
		[ -s "$1" ] && return 0
		sleep 0.05
	done
	echo "$1 did not appear in ${2:-30} seconds" >&2
	return 1
}

# compile OUTFILE SOURCE [FLAGS...]: a victim, built from tests or corpus sources.
compile()
{
	local out=$1 source=$2
	shift 2
	"$CC" -g -O1 -o "$out" "$source" -pthread "$@"
}
