#!/usr/bin/env bash
# Kernel cores of this host's programs without libc's data: cut off, taken out, or left out by
# coredump_filter. The heap is walked without main_arena, and what is missing is said.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 gcc
reason=$(core_forbidden) && skip_all "$reason"

# whole_and_parts NAME CMD...: the program's core, then the same with parts missing.
whole_and_parts()
{
	local name=$1
	shift
	kernel_core "$OUT/core" "$@" || { result 1 "$name: a core"; return 1; }
	ok "$name: each writable segment taken out, 6 cores with holes, 18 cuts" \
		python3 "$SRC/tests/hostile/holes.py" "$COREHEAP" "$OUT/core" 18 6 1
	note "$(tail -n 1 .ok.log)"
	rm -f "$OUT/core"
}

# ---- real programs ----

python=$(command -v /usr/bin/python3) && whole_and_parts python3 /usr/bin/env -i PYTHONMALLOC=malloc "$python" -c '
import os
keep = [{str(i): [i] * (i % 50)} for i in range(1500)]
del keep[::3]
os.abort()'
perl=$(command -v /usr/bin/perl) && whole_and_parts perl /usr/bin/env -i "$perl" -e '
my %h = map { $_ => [1 .. $_ % 40] } 1 .. 2500; delete @h{grep { $_ % 3 } keys %h}; kill ABRT => $$'

# ---- coredump_filter ----

cat >victim.c <<'END'
#include <stdlib.h>
#include <string.h>
static void *keep[500];
int main(void)
{
	char *p = 0;

	for (int i = 0; i < 500; i++)
		memset(keep[i] = malloc(16 + i * 37 % 900), 1, 16);
	for (int i = 0; i < 500; i += 3) {
		free(keep[i]);
		keep[i] = 0;
	}
	for (int i = 0; i < 50; i++)
		memset(p = malloc(5000), 2, 1000);
	p = keep[499];
	__asm__ volatile("" : : "r"(p));
	abort();
}
END
compile victim victim.c || exit 1
# the kept ones: sizes as malloc gives them
python3 - >want <<'END'
for i in range(500):
    if i % 3:
        print(max(24, (16 + i * 37 % 900 + 8 + 15) // 16 * 16 - 8))
for i in range(50):
    print(5000)
END
sort -n want -o want

# core_with FILTER: a core of the victim in core.
core_with()
{
	kernel_core "$OUT/core" /bin/sh -c "echo $1 >/proc/self/coredump_filter && exec '$PWD/victim'"
}

for filter in 0x33 0x7f 0x1; do
	core_with "$filter" || { result 1 "$filter: a core"; continue; }
	"$COREHEAP" blocks core --format=csv --no-sites -q >blocks
	is "$filter: all that the program kept and lost is there, and nothing else but what libc keeps" \
		"$(awk -F, '$3 == "used" { print $2 }' blocks | sort -n | comm -13 - want | wc -l) $(
			awk -F, '$3 == "used"' blocks | wc -l)" "0 $(wc -l <want)"
	is "$filter: the 50 lost blocks are called so" \
		"$(awk -F, '$4 == "definite" { print $2 }' blocks | sort | uniq -c | xargs)" '50 5000'
	like "$filter: the core is whole" "$("$COREHEAP" check core -q)" '^WHOLE CORE'
done
for filter in 0x0 0x10 0x4; do # nothing; headers of files; private files: libc's data without a heap
	core_with "$filter" || { result 1 "$filter: a core"; continue; }
	said=$("$COREHEAP" check core -q)
	like "$filter: the core is partial" "$said" '^PARTIAL CORE'
	like "$filter: the heap is not there" "$said" 'heap +not in the core'
	like "$filter: nor is TLS" "$said" 'thread-local data +0% present'
	not_ok "$filter: nothing is called damaged" grep -Eiq 'corrupt|DAMAGED|overwritten' <<<"$said"
	like "$filter: no verdict" "$("$COREHEAP" leaks core -q | tr '\n' ' ')" \
		'^No heap .* was not saved: no leak can be found or ruled out'
done

# ---- words, where the main arena is cut off ----

core_with 0x33 || exit 1
arena=$("$COREHEAP" arenas core --format=csv -q | awk -F, '$3 == 1 { print $2 }')
python3 - "$arena" <<'END' || exit 1
import struct, sys
arena = int(sys.argv[1], 16)
with open('core', 'r+b') as file:
    head = file.read(64)
    file.seek(struct.unpack_from('<Q', head, 32)[0])
    table = file.read(56 * struct.unpack_from('<H', head, 56)[0])
    file.truncate(next(offset for kind, _, offset, at, _, _, size, _ in struct.iter_unpack('<IIQQQQQQ', table)
                       if kind == 1 and at <= arena < at + size))
END
said=$("$COREHEAP" check core -q)
like 'cut off before the main arena: the heap is all there' "$said" 'ok +heap +all present'
like 'it is said how the heap was found' "$said" 'main arena is not in the core: the heap was found by its own'
like 'and that no sum of malloc confirms it' "$said" "heap's structure +undamaged; malloc's own sums are not there"
json=$("$COREHEAP" leaks core --json -q)
is 'the same in JSON' "$(python3 -c '
import json, sys
report = json.load(sys.stdin)
print(report["process"]["libc"]["layout_source"], report["leaks"]["definite"]["blocks"],
      sorted({w["code"] for w in report["input"]["warnings"]} & {"main-arena-lost", "truncated"}))
' <<<"$json")" "inferred 0 ['main-arena-lost', 'truncated']"
like 'arenas: what cannot be checked is said' "$("$COREHEAP" arenas core -q | tr '\n' ' ')" \
	"malloc's own sums, is not in the core"
is 'every block is the size that it was' \
	"$("$COREHEAP" blocks core --format=csv --no-sites -q | awk -F, '$3 == "used" { print $2 }' | sort -n | comm -13 - want | wc -l)" 0
plan_done
