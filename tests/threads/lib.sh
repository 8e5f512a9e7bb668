# tests/threads/lib.sh: for tests of `coreheap threads`. Sourced after lib.sh.

# threads_build OUTFILE [FLAGS...]: the victim
threads_build()
{
	local out=$1
	shift
	"$CC" -g -O1 -o "$out" "$SRC/tests/threads/callers.c" -pthread "$@"
}

# threads_of CORE [OPTIONS...]: CSV on standard output
threads_of()
{
	"$COREHEAP" threads --format=csv "$@"
}

# as_gdb EXE CORE [OPTIONS...]: succeeds where our backtraces are gdb's
as_gdb()
{
	local exe=$1 core=$2
	shift 2
	gdb -nx -batch -iex 'set debuginfod enabled off' -x "$SRC/tests/threads/frames.py" "$exe" "$core" \
		2>"$OUT/gdb.err" | grep -E '^[0-9]+,[0-9]+,0x' >"$OUT/gdb.csv"
	threads_of "$core" "$@" >"$OUT/our.csv" && "$(command -v python3)" "$SRC/tests/threads/frames.py" "$OUT/gdb.csv" "$OUT/our.csv"
}

# calls CORE FUNCTION [OPTIONS...]: names of FUNCTION's thread, innermost first, on one line
calls()
{
	local core=$1 function=$2
	shift 2
	threads_of "$core" "$@" | awk -F, -v f="$function" '
		NR > 1 { names[$1] = names[$1] " " $4; if ($4 == f) t = $1 }
		END { print t ? names[t] : "no thread is in " f }'
}
