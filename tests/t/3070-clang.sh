#!/usr/bin/env bash
# clang: compiles a C file with optimisation and debug information; held where it is about to end.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
clang=$(command -v clang || command -v clang-14) || skip_all 'clang is not installed'

truth clang 0 - "$clang" -c -g -O2 -pthread -o "$OUT/planted.o" "$HERE/planted.c"
truth clang-leaking 100 - "$clang" -c -g -O2 -pthread -o "$OUT/planted.o" "$HERE/planted.c"
plan_done
