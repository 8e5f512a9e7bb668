#!/usr/bin/env bash
# Core files that are damaged themselves: what can be used is, with exit 0 (4 with --strict) and the
# loss said; what cannot is refused with exit 3 and the reason. Never a signal.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd

# name, exit, exit with --strict, what is said (on standard error, or by check)
table='
big-endian           3 3 a big-endian or unknown ELF file
class-none           3 3 a big-endian or unknown ELF file
elf-header-cut       3 3 cut off within its header \(63 bytes\); take the core again
elf-header-only      3 3 a core without memory segments
empty                3 3 the file is empty; a full disk or a limit
executable           3 3 an ELF executable or library, not a core
file-names-endless   0 4 the NT_FILE note \(file map\)
file-note-count-huge 0 4 the NT_FILE note \(file map\) is damaged and was ignored
first-offset-huge    0 4 truncated: 1.29 MiB of
headers-reversed     0 0 heap .*all present
headers-zeroed       3 3 a core without memory segments
heap-cut             0 4 truncated: .* present
heap-filesz-huge     0 4 a program header does not make sense
heap-memsz-0         0 4 a program header does not make sense
heap-memsz-huge      0 4 program headers overlap; .* unless it has nothing saved there
heap-offset-beyond   0 4 truncated: .* present
heap-vaddr-wraps     0 4 a program header does not make sense
last-page-cut        0 4 truncated: .* present
machine-unknown      3 3 ELF machine 65261
magic-only           3 3 cut off within its header \(4 bytes\)
note-desc-huge       0 4 a note runs past the end of the notes
note-desc-short      0 4 a thread.s NT_PRSTATUS note is too short; the thread is left out
note-name-huge       0 4 a note.s name runs past the end of the notes
notes-cut            0 4 truncated: .* present
notes-filesz-huge    0 4 truncated: .* present
notes-garbage        0 4 missing: the registers of all threads
notes-gone           0 4 missing: the registers of all threads
overlap-partly       0 4 program headers overlap; of what they both claim the first was taken
overlap-twice        0 4 program headers overlap; of what they both claim the first was taken
phentsize-0          3 3 without usable program headers; its header is damaged
phnum-0              3 3 a core without memory segments
phnum-extended       0 0 heap .*all present
phnum-huge           0 4 truncated: .* present
phoff-huge           3 3 truncated before its program headers
phoff-in-data        3 3 a core without memory segments
program-headers-cut  0 4 the program headers are cut off; only what they still list is known
text                 3 3 not a core file
'

# one NAME EXIT STRICT WORDS: a line of the table
one()
{
	local name=$1 exit=$2 strict=$3 words=$4 text
	zstd -q -d -f --sparse "$SRC/corpus/bad/files/$name.zst" -o core ||
		{ result 1 "$name unpacks"; return; }
	exits "$name: exit $exit" "$exit" timeout 60 "$COREHEAP" summary core
	text=$(cat "$OUT/stdout" "$OUT/stderr"; [ "$exit" -ne 0 ] || "$COREHEAP" check core)
	like "$name: says why" "$(tr -s ' \n' ' ' <<<"$text")" "$words"
	exits "$name: exit $strict with --strict" "$strict" timeout 60 "$COREHEAP" summary --strict core
	[ "$exit" -ne 3 ] || is "$name: nothing on standard output" "$(cat "$OUT/stdout")" ''
	# what the damage took away could have held any block
	case $name in
	heap-filesz-huge | heap-memsz-huge | overlap-* | note-desc-* | note-name-huge | notes-g*)
		is "$name: no leak is called certain" "$("$COREHEAP" blocks \
			--reach=definite,indirect --format=csv core 2>"$OUT/stderr" | wc -l)" 1 ;;
	esac
}

while read -r name exit strict words; do
	[ -z "$name" ] || one "$name" "$exit" "$strict" "$words"
done <<<"$table"

# behind_heap NAME: its mappings behind the heap, and what they hold
behind_heap()
{
	zstd -q -d -f --sparse "$SRC/corpus/bad/files/$1.zst" -o core
	"$COREHEAP" maps core 2>/dev/null | grep '^00007f'
}
is 'what lies behind a segment that claims too much is still there' "$(behind_heap heap-memsz-huge)" \
	"$(behind_heap headers-reversed)"

# ---- terabytes that are claimed, and are a hole of the file, take neither time nor memory ----
zstd -q -d -f "$SRC/corpus/bad/files/headers-reversed.zst" -o core
used=$("$COREHEAP" blocks --state=used --format=csv core 2>/dev/null | wc -l)
for claim in top block blocks scattered data; do
	if ! python3 "$SRC/tests/hostile/claims.py" core claims $claim 2>claims.log; then
		skip "claims: $claim" "no such file can be made here: $(tail -n 1 claims.log)"
		continue
	fi
	exits "claims: $claim: analysed" 0 sh -c "ulimit -t 60; exec '$COREHEAP' leaks --json claims"
	[ $claim = block ] || [ $claim = blocks ] || is "claims: $claim: the blocks are all there" \
		"$("$COREHEAP" blocks --state=used --format=csv claims 2>/dev/null | wc -l)" "$used"
done
is 'every file of the corpus is in the table' "$(ls "$SRC/corpus/bad/files" | wc -l)" \
	"$(grep -c . <<<"$table")"
plan_done
