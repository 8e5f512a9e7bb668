#!/usr/bin/env bash
# Programs whose memory went to one thing each: it is named in the first ten lines and in JSON, with figures that
# are what the program did, and with the settings that would help, and no others.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
compile hog "$SRC/tests/victims/hog.c" || skip_all 'no compiler'

cat >judge.py <<'PY'
"""judge.py REPORT CODE KNOBS [NUMBER LEAST MOST]...: the report's dominant part, its settings, its numbers in MiB."""
import json, sys
report = json.load(open(sys.argv[1]))
memory, want = report["memory"], sys.argv[3].split(",") if sys.argv[3] else []
dominant, wrong = memory["dominant"], 0
def claim(holds, *what):
    global wrong
    if not holds:
        wrong = 1
        print("wrong:", *what)
claim(dominant["code"] == sys.argv[2], dominant)
claim([k["name"] for k in memory["knobs"]] == want, memory["knobs"])
claim(all(k["numbers"] for k in memory["knobs"]), memory["knobs"])
for name, least, most in zip(sys.argv[4::3], sys.argv[5::3], sys.argv[6::3]):
    value = dominant["numbers"].get(name, memory.get(name, -1)) / (1 << 20)
    claim(float(least) <= value <= float(most), name, value)
claim(sum(line["bytes"] for line in memory["ledger"]) == memory["mapped"], "the ledger's sum")
sys.exit(wrong)
PY

# hog KIND CODE KNOBS FIRST [NUMBER LEAST MOST]...: FIRST is to be found in the first ten lines.
hog()
{
	local kind=$1 code=$2 knobs=$3 first=$4
	shift 4
	ok "$kind: a core is taken" kernel_core "$OUT/core" "$OUT/hog" "$kind"
	"$COREHEAP" summary --json -q core >report.json
	ok "$kind: it is called $code, with these figures" python3 judge.py report.json "$code" "$knobs" "$@"
	"$COREHEAP" summary -q core >text
	like "$kind: the first ten lines name it" "$(head -n 10 text | tr '\n' ' ')" "$first"
	rm -f core
}

hog leak leak '' '^32,000 blocks, 31.0 MiB are unreachable: leaked' leaked 30 32 bytes 30 32
hog cache heap '' 'Most of the resident memory, 3[0-9.]+ MiB .* is heap that the program still points to' \
	reachable 30 33 leaked 0 0
hog fragments fragmentation malloc_trim \
	'Most of .* is free memory that malloc keeps; malloc_trim\(0\) would return 3[0-9.]+ MiB' \
	free 35 39 trimmable 32 36 reachable 1 2
hog top fragmentation malloc_trim,M_TRIM_THRESHOLD 'is free memory that malloc keeps' trimmable 37 40
hog threshold fragmentation malloc_trim,M_TRIM_THRESHOLD,M_MMAP_THRESHOLD \
	'is free memory that malloc keeps.* the block 0x[0-9a-f]+, 2.00 MiB, behind 6.00 MiB of it is in use' \
	trimmable 29 31 reachable 9 11
hog arenas fragmentation malloc_trim,M_ARENA_MAX 'is free memory that malloc keeps' trimmable 38 46
like 'arenas: the figures stand beside the setting' "$(tr -s ' \n' ' ' <text)" \
	'MALLOC_ARENA_MAX\) lower than the 9 there are: those beside the main one keep 4[0-9.]+ MiB of free memory'
hog mappings mappings '' "64.0 MiB of .* is not malloc's .* the largest mapping, 64.0 MiB at 0x" bytes 64 65
hog stacks stacks stack-size 'the stacks of 1,001 threads reserve 7.81 GiB' stacks 7900 8100 untouched 7900 8100
hog deep stacks '' 'lies in the stacks of 21 threads; the deepest has 1.5[0-9] MiB' bytes 30 32
hog shared shared '' 'is shared memory \(/memfd:frames \(deleted\): 32.0 MiB\)' bytes 32 32
if [ -w /dev/shm ]; then
	hog tmpfs shared '' '64.0 MiB of shared memory are mapped \(/dev/shm/coreheap-hog: 64.0 MiB\)' unknown 64 64
	rm -f /dev/shm/coreheap-hog
else
	skip 'tmpfs' '/dev/shm is not writable'
fi
hog reserve reserved '' '8.00 GiB were never touched and cost no memory: .* 8.00 GiB at 0x' untouched 8192 8200
plan_done
