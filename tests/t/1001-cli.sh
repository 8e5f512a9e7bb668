#!/usr/bin/env bash
# The command line: help, mistakes and their remedies, where output goes, exit codes of usage.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
plain=$("$COREHEAP" summary core)
is 'the commands to run next stand below each other' "$(awk '
	next_ && match($0, "[^ ]*coreheap [a-z]+ core") { print RSTART } /^Next$/ { next_ = 1 }' <<<"$plain" | sort -u | wc -l)" 1

# ---- help, version ----
exits 'help' 0 "$COREHEAP" help
for command in summary leaks blocks explain diff arenas maps threads check schema help version completion; do
	like "help names $command" "$(cat stdout)" "^  $command( |\$)"
done
for command in summary leaks blocks explain diff arenas maps threads check schema help version completion; do
	exits "help $command" 0 "$COREHEAP" help "$command"
	like "help $command begins with its usage" "$(head -n 1 stdout)" "^coreheap $command"
done
is '--help is help' "$("$COREHEAP" --help)" "$("$COREHEAP" help)"
is 'leaks --help is help leaks' "$("$COREHEAP" leaks --help)" "$("$COREHEAP" help leaks)"
exits 'version' 0 "$COREHEAP" version
like 'version names the program' "$(cat stdout)" '^coreheap [0-9]+\.[0-9]+\.[0-9]+$'
like 'version names elfutils' "$(cat stdout)" '^elfutils [0-9.]+$'
like 'version names jansson' "$(cat stdout)" '^jansson [0-9.]+$'
is '--version is version' "$("$COREHEAP" --version)" "$(cat stdout)"

# ---- the manual's tables are those of help ----
manual=$SRC/doc/interface.md
for command in $("$COREHEAP" help | sed -n '/^usage/,/^Options/s/^  \([a-z][a-z]*\) .*/\1/p'); do
	is "the manual has the formats of $command" \
		"$(sed -n "s/^| \`$command[ \`][^|]*| .* | \([^|]*\) | [^|]*|\$/\1/p" "$manual")" \
		"$("$COREHEAP" help "$command" | sed -n 's/^Formats: //p')"
done
for option in $("$COREHEAP" help | sed -n 's/^  \(-., \)\?\(--[a-z-]*\).*/\2/p'); do
	ok "the manual has $option" grep -q "^| .*\`[^|]*$option[^|]*|" "$manual"
done

# ---- wrong usage: exit 2, nothing on standard output, what and the remedy ----
usage()
{
	local desc=$1 said=$2
	shift 2
	exits "$desc: exit 2" 2 "$COREHEAP" "$@"
	is "$desc: nothing on standard output" "$(cat stdout)" ''
	like "$desc: says so" "$(cat stderr)" "^coreheap: .*$said"
}
usage 'nothing at all' 'usage: coreheap CORE'
usage 'a slip in a command' 'did you mean summary\?' sumary core
usage 'a slip in an option' 'did you mean --min-bytes\?' leaks core --min-byte 5
usage 'an unknown option' 'there is no option --frobnicate' leaks core --frobnicate
usage 'an option that the command has not' 'summary does not take --limit' summary core -n 5
usage 'a format that the command has not' 'summary has no format csv; it has text, json, prom, html' \
	summary core --format csv
usage 'a format that does not exist' 'text, json, jsonl, csv, prom, folded or html' summary core --format yaml
usage 'no core' 'usage: coreheap leaks CORE' leaks
usage 'two cores' 'one argument too many' leaks core core
usage 'a sort key that does not exist' 'sorts by retained,bytes,blocks,size' leaks core --sort name
usage 'a bad --fail-on' "'leaked>0'" leaks core --fail-on 'leaks>0'
usage 'a bad number' 'a size such as' leaks core --min-bytes ten
usage 'a sysroot that is not there' 'no such directory' leaks core --sysroot /nowhere/at/all
usage 'help of no command' 'there is no command frob' help frob

# ---- one core, several spellings ----
is 'coreheap CORE is coreheap summary CORE' "$("$COREHEAP" core)" "$plain"
is 'options may stand before the command' "$("$COREHEAP" --format text summary core)" "$plain"
is '--json is --format=json' "$("$COREHEAP" core --json)" "$("$COREHEAP" --format=json core)"
mv core ./-odd
is 'after -- a name may begin with a dash' "$("$COREHEAP" leaks --format csv -- -odd)" \
	"$("$COREHEAP" leaks --format csv ./-odd)"
mv ./-odd core

# ---- the same bytes every time, for every number of threads ----
for what in summary leaks blocks check maps arenas threads 'summary --json' 'leaks --json' \
	'blocks --json' 'blocks --format csv' 'leaks --format prom' 'leaks --format folded' 'leaks --format html'; do
	# shellcheck disable=SC2086
	"$COREHEAP" $what core >first 2>&1
	# shellcheck disable=SC2086
	"$COREHEAP" $what core --threads 1 >second 2>&1
	# shellcheck disable=SC2086
	"$COREHEAP" $what core --threads 8 >third 2>&1
	ok "$what: output is the same again" cmp first second
	ok "$what: output is the same with 8 threads" cmp first third
	ok "$what: there is output" test -s first
done

# ---- -o ----
(umask 000 && "$COREHEAP" leaks core -o result)
is '-o writes what standard output would get' "$(cat result)" "$("$COREHEAP" leaks core)"
is '-o files are for the owner alone' "$(stat -c %a result)" 600
echo precious >victim
ln -s victim link
"$COREHEAP" leaks core --json -o link
is '-o does not follow a symbolic link' "$(cat victim)" precious
ok '-o replaces the link by a file' test -f link -a ! -L link
exits '-o to a folder' 2 "$COREHEAP" leaks core -o .
exits '-o into no folder' 2 "$COREHEAP" leaks core -o no/such/folder/result
exits '-o with a core that is none' 3 "$COREHEAP" leaks "$0" -o never
ok '-o leaves no file behind where there is no result' test ! -e never
is 'no temporary file is left' "$(find . -maxdepth 1 -name '.coreheap*')" ''
is '-o - is standard output' "$("$COREHEAP" core -o -)" "$plain"
exits '-o to a device' 0 "$COREHEAP" core -o /dev/null
is 'a device stays a device' "$(stat -c %F /dev/null)" 'character special file'

# ---- writing fails ----
exits 'a full disk: exit 70' 70 sh -c "'$COREHEAP' blocks core >/dev/full"
like 'a full disk: says so' "$(cat stderr)" 'cannot write standard output: No space left on device'
exits 'a full disk, little output: exit 70' 70 sh -c "'$COREHEAP' version >/dev/full"
exits 'a full disk by -o: exit 70' 70 "$COREHEAP" version -o /dev/full
exits 'standard output is closed: exit 70' 70 sh -c "'$COREHEAP' summary core >&-"
"$COREHEAP" blocks core 2>pipe.err | head -n 3 >pipe.out
status=("${PIPESTATUS[@]}")
is 'a reader that goes away: ends by SIGPIPE or in time' \
	"$([ "${status[0]}" = 141 ] || [ "${status[0]}" = 0 ] && echo fine)" fine
is 'a reader that goes away: no message' "$(cat pipe.err)" ''
python3 - "$COREHEAP" <<'PY' >pipe.py 2>&1
import signal, subprocess, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
p = subprocess.Popen([sys.argv[1], "blocks", "core"], stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, restore_signals=False)
p.stdout.readline()
p.stdout.close()
error = p.stderr.read()
print(p.wait() in (0, -signal.SIGPIPE), error)
PY
is 'the same where SIGPIPE is ignored' "$(cat pipe.py)" "True b''"

# ---- colours ----
is 'no colours where standard output is no terminal' "$("$COREHEAP" core | grep -c $'\033')" 0
ok '--color always has colours' sh -c "'$COREHEAP' core --color always | grep -q '$(printf '\033')'"
on_terminal()
{
	python3 - "$@" <<'PY'
import os, pty, sys
def read(fd):
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
pty.spawn(sys.argv[1:], read)
PY
}
# A bare chroot has no /dev/pts, and so no terminals.
terminals=
python3 -c 'import pty; pty.openpty()' 2>/dev/null && terminals=1
if [ "$terminals" ]; then
	like 'a terminal gets colours' "$(TERM=xterm NO_COLOR= on_terminal "$COREHEAP" -q core)" $'\033\\['
	is 'NO_COLOR is honoured' "$(TERM=xterm NO_COLOR=1 on_terminal "$COREHEAP" -q core | grep -c $'\033')" 0
	is 'a dumb terminal gets none' \
		"$(TERM=dumb NO_COLOR= on_terminal "$COREHEAP" -q core | grep -c $'\033')" 0
else
	skip 'colours' 'no terminal can be had here (/dev/pts)'
fi

# ---- a person who waits sees that something happens; a pipe does not ----
cat >many.c <<'C'
#include <stdlib.h>
int main(void)
{
	void **last = 0;
	for (int i = 0; i < 2000000; i++) {
		void **block = malloc(24);
		*block = last;
		last = block;
	}
	abort();
}
C
compile many many.c -O0
if [ "$terminals" ] && [ "${SAN:-0}" = 0 ] && command -v valgrind >/dev/null && kernel_core "$OUT/slow" "$OUT/many"; then
	slow="valgrind -q --log-file=/dev/null '$COREHEAP' leaks slow --no-sandbox" # slow enough to be waited for
	like 'a terminal sees progress from the second second on' \
		"$(TERM=xterm on_terminal sh -c "$slow | wc -l" | tr '\033\r' '!>')" \
		'>coreheap: slow: [a-z ]+, [0-9]+%, [0-9.]+ [KMG]iB/s, [0-9]+ (s|min) left [-|/\\]!\[K.*>!\[K[0-9]*>?$'
	said=$(TERM=xterm python3 - valgrind -q --log-file=/dev/null "$COREHEAP" leaks slow -o left <<'PY' | tr '\033\r' '!>'
import os, pty, sys
interrupted = False
def read(fd):
    global interrupted
    try:
        data = os.read(fd, 65536)
    except OSError:
        return b""
    if b"slow: " in data and not interrupted:
        interrupted = True
        os.write(fd, b"\x03")
    return data
print("ended", os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
PY
)
	like 'Ctrl-C wipes the line, and ends by the signal' "$said" '[-|/\\]!\[K(\^C)?>!\[Kended -2'
	is 'and leaves no part of the output' "$(find . -name left -o -name '.coreheap*')" ''
	is 'not with -q' "$(TERM=xterm on_terminal sh -c "$slow -q | wc -l" | grep -c coreheap:)" 0
	is 'nor on a dumb terminal' "$(TERM=dumb on_terminal sh -c "$slow | wc -l" | grep -c coreheap:)" 0
	is 'a pipe does not' "$(sh -c "$slow" 2>&1 | grep -c coreheap:)" 0
else
	skip 'progress' 'no terminal, valgrind or kernel core, or this is a sanitizer build'
fi

# ---- -q, -v, --max-memory ----
is '-q: a whole core says nothing on standard error' "$("$COREHEAP" -q leaks core 2>&1 >/dev/null)" ''
ok '-v adds the limits to JSON' sh -c "'$COREHEAP' core --json -v | grep -q '\"limits\": {\"elapsed_ms\": [0-9]'"
is 'without -v there are none' "$("$COREHEAP" core --json | grep -c limits)" 0
if [ "${SAN:-0}" = 0 ]; then # sanitizers take memory of their own
	exits '--max-memory that suffices' 0 "$COREHEAP" core --max-memory 1G
	exits 'no memory: exit 70' 70 sh -c "ulimit -d 1000; '$COREHEAP' core"
	like 'no memory: says so, and the remedy' "$(cat stderr)" 'out of memory: .*ulimit'
	exits 'no memory with -o: exit 70' 70 sh -c "ulimit -d 1000; '$COREHEAP' core -o lost"
	ok 'no memory with -o: no file' sh -c 'test ! -e lost && test -z "$(ls -A | grep "^.coreheap")"'
fi
plan_done
