#!/usr/bin/env bash
# The harness itself: a failing check must fail the run, whatever way it fails.
. "$(dirname "$0")/../lib.sh"

# A copy of the harness with one test in it.
harness()
{
	rm -rf "$OUT/tree"
	mkdir -p "$OUT/tree/tests/t"
	cp "$SRC/tests/run" "$SRC/tests/lib.sh" "$OUT/tree/tests/"
	{ echo '. "$(dirname "$0")/../lib.sh"'; cat; } >"$OUT/tree/tests/t/0001-one.sh"
	(unset OUT SRC TESTS SAN; export SAN=${san:-0}
		BUILD=$PWD/tree/build COREHEAP=${program:-/bin/true} KEEP= bash tree/tests/run)
}

is 'a test that passes' "$(harness <<<"ok a true; plan_done" | tail -n 1)" '1 passed, 0 failed'
is 'a check that fails' "$(harness <<<"ok a true; ok b false; plan_done" | tail -n 1)" \
	'1 passed, 1 failed'
not_ok 'a failed check fails the run' harness <<<"is a 1 2; plan_done"
is 'a test that stops early' "$(harness <<<"ok a true; exit 0" | tail -n 1)" '1 passed, 1 failed'
is 'a test that is killed' "$(harness <<<'ok a true; kill -KILL $$' | tail -n 1)" \
	'1 passed, 1 failed'
is 'a test without a check' "$(harness <<<'plan_done' 2>/dev/null | tail -n 1)" '0 passed, 1 failed'
is 'a skipped test is not passed' \
	"$(harness <<<'skip_all "no luck"' | tail -n 2 | tr '\n' ' ')" '# 1 skipped 0 passed, 0 failed '
is 'a skipped check is not passed' \
	"$(harness <<<'ok a true; skip b "no luck"; plan_done' | tail -n 2 | tr '\n' ' ')" \
	'# 1 skipped 1 passed, 0 failed '
is 'a wrong exit status' "$(harness <<<'exits a 3 sh -c "exit 2"; plan_done' | tail -n 1)" \
	'0 passed, 1 failed'
is 'a signal is no plain failure' "$(harness <<<"not_ok a sh -c 'kill -SEGV \$\$'; plan_done" |
	tail -n 1)" '0 passed, 1 failed'

# A sanitizer's report fails the run, though the test never looks at the program's exit status.
echo 'int main(int n, char **v) { char a[4]; a[n + 3] = v[0][0]; return a[0] & 1; }' >bad.c
# shellcheck disable=SC2046
if gcc -O0 $(sed -n 's/^sanitize := //p' "$SRC/Makefile") -o bad bad.c 2>/dev/null; then
	said=$(san=1 program=$PWD/bad harness <<<'"$COREHEAP" || :; ok a true; plan_done')
	is 'a sanitizer report' "$(tail -n 1 <<<"$said")" '1 passed, 1 failed'
	like 'which is shown' "$said" 'a sanitizer reported'
else
	skip 'a sanitizer report' 'gcc has no sanitizers here'
fi
plan_done
