# shellcheck shell=bash
# truth.sh: real programs under the recorder; what coreheap says of their cores against the truth.
# Read after lib.sh.
#
#	truth NAME DROP READY CMD...   runs CMD in $OUT/NAME with every DROP-th free dropped (0: none),
#	                               takes a gcore and a kernel core of it once it has made the file
#	                               READY there (`-`: once it is about to exit), judges both; where
#	                               CMD says `pid N`, that process. In the sanitizer suite nothing
#	                               is done where DROP is 0: each such program is run with leaks, too
#	truth_of NAME DROP PID FOLDER READY   judges a running process that was started in FOLDER
#
# TRUTH_STDIN=FILE (up to 64 KiB) is what the program reads; its end never comes.
# TRUTH_TUNABLES are set for the program (GLIBC_TUNABLES).
# TRUTH_BEHIND=LIBRARY stands between the recorder and libc.
# TRUTH_KEEP=1 keeps the cores.
HERE=$SRC/tests/truth
TRUTH=$BUILD/truth
TRUTH_BLOCKS=1000 # a workload with fewer live blocks proves little
need_cmd gdb python3
python3 -c 'if True:
	import subprocess
	child = subprocess.Popen(["sleep", "60"])
	try:
		open("/proc/%d/mem" % child.pid).close()
	finally:
		child.kill()' 2>/dev/null || skip_all 'this user may not trace its own processes'
"$HERE/build.sh" "$TRUTH" || { result 1 'the recorder and the reference are built'; plan_done; }

# gdb before 14 reads and writes the upper vector registers at Intel's offsets on all processors, and
# so loses some of AMD's: a pointer that stands only there would be in one of the two cores. Libc's
# string functions leave pointers there; they are asked to do without.
hwcaps=
if grep -q AuthenticAMD /proc/cpuinfo && grep -qw avx512vl /proc/cpuinfo &&
	[ "$(gdb --version | sed -n '1s/.* \([0-9]*\)\..*/\1/p')" -lt 14 ]; then
	hwcaps=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW
fi

# recorded DROP CMD...: to be run in a subshell; becomes CMD under the recorder.
recorded()
{
	local drop=$1
	shift
	[ "$drop" = 0 ] || export REC_DROP=$drop
	[ -z "$hwcaps${TRUTH_TUNABLES:-}" ] ||
		export GLIBC_TUNABLES=$hwcaps${hwcaps:+${TRUTH_TUNABLES:+:}}${TRUTH_TUNABLES:-}
	export LD_PRELOAD=$TRUTH/librecorder.so
	[ -z "${TRUTH_BEHIND:-}" ] || export LD_PRELOAD=$LD_PRELOAD:$TRUTH_BEHIND REC_NEXT=1
	exec "$@"
}

# truth_says NAME CORE DROP: one core against the reference.
truth_says()
{
	local name=$1 core=$2 drop=$3 blocks leaked status sites=--no-sites
	case $core in */kernel) sites= ;; esac # inferred once of two cores of one moment
	"$TRUTH/refmark" "$core" >"$core.ref" 2>"$core.log"
	status=$?
	result $status "$name: the reference reads the core" || { note "$(cat "$core.log")"; return 1; }
	note "$(grep -v '^refmark: warning' "$core.log")"
	blocks=$(($(wc -l <"$core.ref") - 1))
	[ "$blocks" -ge "$TRUTH_BLOCKS" ]
	result $? "$name: $blocks live blocks, $TRUTH_BLOCKS at least"
	leaked=$(grep -c -e ',definite$' -e ',indirect$' "$core.ref")
	[ "$drop" = 0 ] || [ "$leaked" -ge 10 ]
	result $? "$name: $leaked leaked blocks, $([ "$drop" = 0 ] && echo any number || echo 10) at least"
	ok "$name: coreheap lists the blocks" sh -c \
		'"$COREHEAP" blocks --format=csv $2 "$1" >"$1.csv"' - "$core" "$sites" || return 1
	ok "$name: the same blocks, sizes, leaks as the truth" \
		"$HERE/compare.py" "$core.csv" "$core.ref"
}

truth_of()
{
	local name=$1 drop=$2 pid=$3 dir=$4 ready=$5
	[ "$ready" = - ] && ready= || ready=$dir/$ready
	# shellcheck disable=SC2086
	ok "$name: two cores of one moment" "$HERE/dump.py" "$pid" "$dir" $ready || return 1
	truth_says "$name, gcore" "$dir/gcore" "$drop"
	if [ -f "$dir/kernel" ]; then
		truth_says "$name, kernel core" "$dir/kernel" "$drop"
		ok "$name: kernel core and gcore give the same answer" \
			"$HERE/compare.py" --same "$dir/gcore.csv" "$dir/kernel.csv"
	else
		skip "$name: the kernel's core" "$(core_forbidden)"
	fi
	[ -n "${TRUTH_KEEP:-}" ] || rm -f "$dir/gcore" "$dir/kernel"
}

# truth_pid PID FOLDER READY: the process to judge: the one that said `pid N`, else PID.
truth_pid()
{
	local i
	for ((i = 0; i < 600; i++)); do
		[ "$3" = - ] || [ -e "$2/$3" ] || ! kill -0 "$1" 2>/dev/null || { sleep 0.05; continue; }
		break
	done
	sed -n 's/^pid //p' "$2/log" | grep . || echo "$1"
}

truth()
{
	local name=$1 drop=$2 ready=$3 dir=$OUT/$1 pid
	shift 3
	if [ "${SAN:-0}" != 0 ] && [ "$drop" = 0 ] && [ -z "${TRUTH_BEHIND:-}" ]; then
		note "$name: the sanitizers see this program with leaks only"
		return
	fi
	rm -rf "$dir"
	mkdir "$dir"
	mkfifo "$dir/stdin"
	(
		cd "$dir" || exit
		exec 0<>stdin # never ends: who has read it all waits
		[ -z "${TRUTH_STDIN:-}" ] || cat "$TRUTH_STDIN" >stdin
		[ "$ready" != - ] || export REC_HOLD=exit
		recorded "$drop" "$@"
	) >"$dir/log" 2>&1 &
	pid=$!
	truth_of "$name" "$drop" "$(truth_pid "$pid" "$dir" "$ready")" "$dir" "$ready" || note "$(tail -n 20 "$dir/log")"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}
