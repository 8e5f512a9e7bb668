# tests/cores.sh: how tests and the demo come to cores. Sourced; OUT is a scratch folder.

# core_forbidden: says why a kernel core cannot be had here, and succeeds; fails where it can.
core_forbidden()
{
	local pattern
	pattern=$(cat /proc/sys/kernel/core_pattern 2>/dev/null) ||
		{ echo '/proc is not mounted'; return 0; }
	case $pattern in
	'|'*)
		echo "kernel.core_pattern pipes cores away: $pattern"
		return 0 ;;
	'')
		echo 'kernel.core_pattern is empty'
		return 0 ;;
	esac
	[ "$(ulimit -Hc)" = unlimited ] || (ulimit -c unlimited) 2>/dev/null ||
		{ echo "the hard limit on core size is $(ulimit -Hc) blocks"; return 0; }
	return 1
}

# core_take PID CWD OUTFILE: moves the core that the kernel wrote for PID to OUTFILE.
core_take()
{
	local pid=$1 cwd=$2 out=$3 pattern found file
	pattern=$(cat /proc/sys/kernel/core_pattern)
	case $pattern in
	*%p* | *%P*) ;;
	*) [ "$(cat /proc/sys/kernel/core_uses_pid)" = 0 ] || pattern=$pattern.%p ;;
	esac
	pattern=$(printf '%s' "$pattern" | sed "s/%[pP]/$pid/g; s/%[a-zA-Z]/*/g; s/%%/%/g")
	case $pattern in
	/*) ;;
	*) pattern=$cwd/$pattern ;;
	esac
	found=
	for file in $pattern; do # a glob where the pattern names the program or the time
		[ -f "$file" ] && found=$file
	done
	[ -n "$found" ] || { echo "no core appeared at $pattern" >&2; return 1; }
	mv "$found" "$out"
}

# kernel_core OUTFILE CMD...: runs CMD (absolute paths; its output goes to OUTFILE.log) in a folder
# of its own with core dumps on. CMD ends by a signal that dumps core. 1 where no core came.
kernel_core()
{
	local out=$1 dir pid status=0
	shift
	case $out in /*) ;; *) out=$PWD/$out ;; esac
	core_forbidden >&2 && return 1
	dir=$(mktemp -d "$OUT/cwd.XXXXXX")
	(ulimit -c unlimited && cd "$dir" && exec "$@") >"$out.log" 2>&1 &
	pid=$!
	wait "$pid" 2>/dev/null || status=$?
	[ "$status" -gt 128 ] || echo "exit $status, no signal, of: $*" >&2
	status=0
	core_take "$pid" "$dir" "$out" || status=$?
	rm -rf "$dir"
	return "$status"
}

# kernel_core_of PID OUTFILE [SIGNAL]: kills a running process (SIGABRT) so that its core goes to
# OUTFILE.
kernel_core_of()
{
	local pid=$1 out=$2 cwd i
	core_forbidden >&2 && return 1
	cwd=$(readlink "/proc/$pid/cwd") || return 1
	prlimit --pid "$pid" --core=unlimited:unlimited || return 1
	kill "-${3:-ABRT}" "$pid" || return 1
	kill -CONT "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	for ((i = 0; i < 600; i++)); do
		grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" || break
		sleep 0.1
	done
	core_take "$pid" "$cwd" "$out"
}

# gcore_of PID OUTFILE: gdb's snapshot of a running process, which goes on.
gcore_of()
{
	local pid=$1 out=$2
	gcore -o "$out" "$pid" >"$out.log" 2>&1 && mv "$out.$pid" "$out"
}
