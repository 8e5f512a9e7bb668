#!/usr/bin/env bash
# Builds: two compilers without a warning, two kinds of objects that never mix, nothing outside BUILD.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'builds are tested with the release suite'
need_cmd gcc clang make

given=$(sha256sum <"$COREHEAP")
# A copy of the sources, so that whatever a build adds to them shows.
mkdir "$OUT/src"
cp -r "$SRC/Makefile" "$SRC/formats" "$SRC/heapwalk" "$SRC/analyzer" "$SRC/preload" "$OUT/src/"
touch "$OUT/before"
sleep 0.1

# Not optimised, which takes a third of the time: the program under test was, from the same sources.
build()
{
	make -C "$OUT/src" --no-print-directory BUILD="$OUT/b" CFLAGS='-g -Wno-cpp' "$@"
}

ok 'gcc builds without a warning' build -j2 CC=gcc
is 'the program knows its version' "$("$OUT/b/coreheap" version | head -n 1)" \
	"coreheap $(sed -n 's/^VERSION := //p' "$SRC/Makefile")"
is 'a second make does nothing' "$(build CC=gcc)" ''
before=$(sha256sum <"$OUT/b/coreheap")
ok 'clang builds without a warning' build -j2 CC=clang
ok 'and it is clang'"'"'s program that is there' eval \
	'[ "$(sha256sum <"$OUT/b/coreheap")" != "$before" ]'
is 'gcc'"'"'s comes back without compiling' "$(build CC=gcc)" "  built   $OUT/b/coreheap"
is 'and is the same' "$(sha256sum <"$OUT/b/coreheap")" "$before"
is 'one folder of objects a compiler' "$(cd "$OUT/b/obj" && ls | sed 's/-[0-9]*$//' | tr '\n' ' ')" \
	'clang-release gcc-release '
is 'nothing outside BUILD is touched' "$(find "$OUT/src" -newer "$OUT/before")" ''

# A header's change compiles what includes it, and nothing else.
small()
{
	make -C "$OUT/small" --no-print-directory BUILD="$OUT/small/build" "$@"
}

mkdir -p "$OUT/small/formats" "$OUT/small/analyzer"
cp "$SRC/Makefile" "$OUT/small/"
echo '#define ANSWER 42' >"$OUT/small/formats/a.h"
printf '#include "formats/a.h"\nint a(void);\nint a(void) { return ANSWER; }\n' \
	>"$OUT/small/formats/a.c"
printf 'int b(void);\nint b(void) { return 1; }\n' >"$OUT/small/formats/b.c"
echo 'int main(void) { return 0; }' >"$OUT/small/analyzer/main.c"
ok 'a small tree builds' small
sleep 1
echo '#define ANSWER 43' >"$OUT/small/formats/a.h"
is 'a changed header compiles what includes it' \
	"$(small | grep '  cc')" '  cc      formats/a.c'
printf 'int b(int x);\nint b(int x) { return 1; }\n' >"$OUT/small/formats/b.c"
not_ok 'a warning stops the build' small
ok 'unless WERROR=0' small WERROR=0

# What a missing library or compiler looks like.
said=$(small BUILD="$OUT/x" CPPFLAGS='-nostdinc' WERROR=0 2>&1)
like 'missing headers: says which' "$said" 'libdw and libelf'
like 'missing headers: names the remedy' "$said" 'remedy: make deps'
said=$(small BUILD="$OUT/x" CC=no-such-compiler 2>&1)
like 'missing compiler: names the remedy' "$said" 'no-such-compiler is not installed'
is 'the program under test is as it was' "$(sha256sum <"$COREHEAP")" "$given"
plan_done
