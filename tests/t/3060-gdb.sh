#!/usr/bin/env bash
# gdb: reads the symbols and types of a program with debug information.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"

"$CC" -g -O1 -pthread -o victim "$HERE/planted.c"
for drop in 0 50; do
	truth "gdb-$drop" "$drop" ready "$(command -v gdb)" -nx -batch -iex 'set debuginfod enabled off' \
		-ex "file $OUT/victim" -ex 'info functions held' -ex 'info types .' -ex 'break plain_leaks' \
		-ex 'info scope threads' -ex 'disassemble main' -ex 'ptype struct malloc_chunk' \
		-ex 'info line main' -ex 'shell touch ready' -ex 'python import time; time.sleep(1000)'
done
plan_done
