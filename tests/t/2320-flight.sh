#!/usr/bin/env bash
# Stopped in the middle of malloc and free, at many instructions: what rests there is told exactly, used
# and free blocks, sizes and reach. Leaked blocks may be called possible only where a register or a stack
# leads to the header behind them; and only the one block under way may be called leaked without being so.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 gdb
plan=$SRC/tests/victims/plan

# lazily bound, the first call of each function would be one of the loader's
ok 'the program builds' "$CC" -std=gnu11 -O1 -g -pthread -Wl,-z,now -o "$OUT/kinds" \
	"$SRC"/tests/kinds/*.c "$plan"/truth.c "$plan"/get.c "$plan"/park.c -ldl
FLIGHT_OUT=$OUT FLIGHT_TRUTH=$OUT/truth FLIGHT_STEPS=557 FLIGHT_CORES=60 \
	gdb -batch -nx -x "$SRC/tests/kinds/flight.py" "$OUT/kinds" >"$OUT/stops" 2>&1
[ -s "$OUT/flight.000" ] || skip_all "gdb runs no program here: $(tail -n 1 "$OUT/stops")"

within=$(grep -c '^stop [0-9]* in ' "$OUT/stops")
ok "many stops are within malloc and free: $within" test "$within" -ge 15
ok 'all that rests is exact' python3 "$SRC/tests/kinds/flight_check.py" "$COREHEAP" "$OUT/truth" \
	"$OUT/stops" "$OUT"/flight.*
note "$(tail -n 1 "$OUT/.ok.log")"
rm -f "$OUT"/flight.*
plan_done
