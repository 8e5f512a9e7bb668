#!/usr/bin/env bash
# make lint passes on the tree, and finds each thing that it is there to find.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'the sources are checked with the release suite'
need_cmd python3

ok 'the tree is clean' make -C "$SRC" --no-print-directory lint

# finds DESC FILE REGEX <<TEXT: a tree in which FILE holds TEXT is reported.
finds()
{
	local said
	rm -rf "$OUT/tree"
	mkdir -p "$OUT/tree/$(dirname "$2")" "$OUT/tree/formats"
	echo '/* nothing */' >"$OUT/tree/formats/none.h"
	cat >"$OUT/tree/$2"
	said=$(python3 "$SRC/tests/lint.py" "$OUT/tree") && said="exit 0; $said"
	like "finds $1" "$said" "^[^;]*$3"
}

finds 'formats including heapwalk' formats/a.c 'must not include heapwalk' \
	<<<'#include "heapwalk/heap.h"'
finds 'heapwalk including analyzer' heapwalk/a.c 'must not include analyzer' \
	<<<'#include "analyzer/reach/root.h"'
finds 'an include without its folder' formats/a.c 'folder/file.h' <<<'#include "base.h"'
finds 'libdw in the analyzer' analyzer/a.c 'belong in formats' <<<'#include <elfutils/libdw.h>'
finds 'libelf in a header' formats/a.h 'belong in formats' <<<'#include <libelf.h>'
finds 'jansson outside the JSON renderers' analyzer/report/text.c 'JSON renderers' \
	<<<'#include <jansson.h>'
finds 'malloc' heapwalk/a.c 'a.c:1: malloc' <<<'void *p = malloc(3);'
finds 'strdup' analyzer/a.c 'a.c:1: strdup' <<<'char *p = strdup("x");'
finds 'a header without its comment' formats/a.h 'a header opens' <<<'#define A 1'
finds 'a // comment' formats/a.c '// comment' <<<'int a; // one'
finds 'a long line' formats/a.c '101 columns' <<<"int $(printf '%096d' 0 | tr 0 a);"
finds 'a line of tabs too long' formats/a.c 'columns' <<<"$(printf '\t%.0s' {1..13})x;"
finds 'an unfinished mark' formats/a.c 'unfinished' <<<"/* TO""DO */"
finds 'a path of one machine' formats/a.c 'one machine' <<<"/* see /ro""ot/notes */"
finds 'a script that hides a module of Python' tests/types.py "module of Python's" <<<'pass'
finds 'a long function' formats/a.c 'function of 61' < <(
	echo 'int f(void)'; echo '{'; yes '	f();' | head -n 59; echo '}')
finds 'a long file' formats/a.c 'file of 501' < <(yes 'int a;' | head -n 501)

# And leaves alone what is right.
rm -rf "$OUT/tree"
mkdir -p "$OUT/tree/formats" "$OUT/tree/analyzer"
{
	printf '/* malloc(3) and free(p) in words */\n#include <elfutils/libdw.h>\n'
	printf 'const char *a = "malloc(3) // no";\nint f(void)\n{\n'
	yes '	g();' | head -n 58
	printf '}\n'
} >"$OUT/tree/formats/a.c"
printf '#include <jansson.h>\n#include "formats/a.h"\n' >"$OUT/tree/analyzer/report/json.c"
is 'what is right is not reported' "$(python3 "$SRC/tests/lint.py" "$OUT/tree")" ''
plan_done
