# tests/victims/growing.sh: snapshots of the growing victim. Sourced after lib.sh.

# growing STEPS [PROGRAM]: core.1 ... and truth.1 ... of one process, in the current folder. 1 where
# no core came.
growing()
{
	local steps=$1 program=${2:-./growing} i pid status=0
	mkdir -p growing.cwd
	coproc VICTIM (ulimit -c unlimited && cd growing.cwd &&
		exec "$(realpath "../$program")" "$OUT/truth")
	exec {to}>&"${VICTIM[1]}" {from}<&"${VICTIM[0]}"
	for ((i = 1; i <= steps && status == 0; i++)); do
		echo >&"$to"
		read -r pid <&"$from" || status=1
		[ $status -ne 0 ] || core_take "$pid" "$OUT/growing.cwd" "core.$i" || status=1
	done
	exec {to}>&- {from}<&-
	eval "exec ${VICTIM[1]}>&- ${VICTIM[0]}<&-"
	wait "$VICTIM_PID" 2>/dev/null
	return $status
}
