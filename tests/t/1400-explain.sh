#!/usr/bin/env bash
# explain: the victim says what is where and who holds what; coreheap must say the same, of the
# kernel's core and of a gcore snapshot of the same process.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
compile places "$SRC/tests/victims/places.c" || skip_all 'no compiler'
./places >truth 2>malloc_info &
victim=$!
wait_for truth || exit 1
check=$SRC/tests/victims/places.py

if command -v gcore >/dev/null; then
	ok 'a snapshot is taken' gcore_of $victim snapshot
	ok 'snapshot: what the victim says' python3 "$check" "$COREHEAP" snapshot truth
else
	skip 'snapshot: what the victim says' 'gcore is not installed'
fi
if reason=$(core_forbidden); then
	kill $victim
	skip_all "$reason"
fi
ok 'a core is taken' kernel_core_of $victim killed
ok 'core: what the victim says' python3 "$check" "$COREHEAP" killed truth

at()
{
	awk -v name="$1" '$1 == name { print $2; exit }' truth
}
explain()
{
	"$COREHEAP" explain killed "$@"
}

text=$(explain "$(at child)")
like 'the text has the verdict' "$text" '^  verdict +indirect; leaked: '
like 'the text has the path' "$text" "^  path +from a leaked block \(definite\), 1 pointer"
like 'the text has the pointer' "$text" "^    $(at head) +used block $(at head) of 72 B \(definite\) +-> +$(at child)\$"
like 'a dangling pointer is told' "$(explain "$(at cached)")" 'freed: it waits in tcache .*1 pointer to it is left, dangling'
like 'a long path says how much it leaves out' "$(explain "$(at list-0)")" '^    \.\.\. +84 more blocks$'

inside=$(printf '0x%x' $(($(at alone) + 17)))
like 'an address inside a block' "$(explain "$inside")" "^$inside used block $(at alone) of 1000 B, at offset 17\$"
bare=$(at alone)
is 'with and without 0x is the same' "$(explain "${bare#0x}")" "$(explain "$bare")"
is 'together is the same as one by one' "$(explain "$(at alone)" "$(at list-word)")" \
	"$(explain "$(at alone)"; echo; explain "$(at list-word)")"

is 'no content unasked' "$(explain "$(at map-word)" "$bare" | grep -c content)" 0
dump=$(explain --show-content=24 "$(at outer)")
like 'content where it is asked for' "$dump" "^    $(at outer)  00 00 "
is 'as much as was asked for' "$(printf '%s\n' "$dump" | grep -c '|$')" 2
held=$(at big)
word=$(printf '%016x' "$held" | sed 's/../& /g' | awk '{ for (i = NF; i; i--) printf "%s ", $i }')
like 'content is what is there' "$(explain --show-content=8 "$(at map-word)")" "^    $(at map-word)  ${word% } "

# Around the stack pointer of each thread: the red zone counts as used, what is below it does not.
cat >zones.py <<'PY'
import json, subprocess, sys
coreheap, core = sys.argv[1:]
def run(*args):
    return json.loads(subprocess.run([coreheap, *args], stdout=subprocess.PIPE, check=True).stdout)
want = {}
report = run("threads", "--json", core)
pid = report["process"]["pid"]
for t in report["threads"]:
    sp, start = int(t["sp"], 16), int(t["stack"]["start"], 16)
    for offset, kind in ((0, "stack"), (-1, "red-zone"), (-128, "red-zone"), (-129, "unused-stack")):
        want[sp + offset] = kind, t["tid"]
    want[int(t["tls"], 16) + 0x10] = "tls", t["tid"]
    want[start] = "unused-stack", t["tid"]
    if t["tid"] != pid:
        want[start - 1] = "guard", t["tid"]
answers = run("explain", "--json", core, *map(hex, want))["explain"]
wrong = [(hex(at), kind, tid, e["kind"], e.get("tid"))
         for (at, (kind, tid)), e in zip(want.items(), answers) if (e["kind"], e.get("tid")) != (kind, tid)]
print(*wrong, sep="\n")
sys.exit(1 if wrong or len(want) < 20 else 0)
PY
ok 'stack, red zone, unused part, guard, TLS' python3 zones.py "$COREHEAP" killed

exits 'a decimal address is refused' 2 "$COREHEAP" explain killed $((bare))
like 'and explained' "$(cat stderr)" "addresses are hexadecimal.* give $bare\$"
exits 'a word is refused' 2 "$COREHEAP" explain killed main
like 'and explained ' "$(cat stderr)" 'main: not an address'
exits 'no address is refused' 2 "$COREHEAP" explain killed
exits 'an address of no mapping is explained' 0 "$COREHEAP" explain killed 0x10
like 'as such' "$(cat stdout)" '^0x10 not mapped: .* below the first mapping'
plan_done
