#!/usr/bin/env bash
# How free memory lies: holes, pages and the blocks at the regions' ends, against what the program did, which says how
# many blocks of which size it freed between those that it kept.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"
compile hog "$SRC/tests/victims/hog.c" || skip_all 'no compiler'

cat >judge.py <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
regions, blocks, keep = map(int, sys.argv[2:5])
memory = report["memory"]
frag, of, wrong = memory["fragmentation"], {line["owner"]: line for line in memory["ledger"]}, 0
def claim(holds, *what):
    global wrong
    if not holds:
        wrong = 1
        print("wrong:", *what)
# blocks of 2000 bytes have chunks of 2016 on 64 bits; of `keep` in a row all but the first were freed, and
# what lies behind the last one kept is no hole: it joined the top, or is followed by another block
hole, count = (keep - 1) * 2016 - 8, blocks // keep - 1
large = [h for h in frag["holes"] if h["least"] <= hole < 2 * h["least"]]
claim(len(large) == 1 and large[0]["blocks"] in (regions * count, regions * (count + 1)), frag["holes"])
claim(abs(large[0]["bytes"] - large[0]["blocks"] * hole) < 500 * regions, large, hole)
pages = frag["pages"]
claim([p["least_percent"] for p in pages] == [0, 0, 25, 50, 75, 100], pages)
# in each hole as many whole pages lie as fit behind its header, or one fewer
empty = pages[0]["pages"] / large[0]["blocks"]
claim(hole // 4096 - 1 <= empty <= hole // 4096, empty, pages)
arenas = sum(of[o]["resident"] for o in of if o.startswith("malloc-") and o != "malloc-mmapped")
claim(abs(sum(p["pages"] for p in pages) * 4096 - arenas) <= 4096 * 2 * (regions + 1), pages, arenas)
# a page that begins with a free chunk's header is free, and stays; so do the tops of threads' arenas
free = pages[0]["pages"] * 4096
claim(0.995 * free - of["malloc-top"]["resident"] <= memory["trimmable"] <= free, pages, memory["trimmable"])
pins = [p for p in frag["pins"] if p["used_blocks"] > blocks // keep - 1]
claim(len(pins) == regions, frag["pins"])
for p in pins:
    claim(p["state"] == "used" and int(p["start"], 16) < int(p["address"], 16) < int(p["end"], 16), p)
    claim(p["free_before"] <= hole + 16 and p["free_behind"] < 1 << 18, p)
sys.exit(wrong)
PY
for row in 'fragments 1 20000 25' 'arenas 8 3000 30'; do
	read -r kind numbers <<<"$row"
	ok "$kind: a core is taken" kernel_core "$OUT/core" "$OUT/hog" "$kind"
	"$COREHEAP" arenas --json core >report.json
	# shellcheck disable=SC2086
	ok "$kind: holes, pages, ends of regions" python3 judge.py report.json $numbers
	text=$("$COREHEAP" arenas core)
	like "$kind: the last blocks are named" "$text" '^0x[0-9a-f]+ +[0-9]+ +[0-9.]+ MiB +[0-9,]+ +0x[0-9a-f]+ +[0-9.]+ K?i?B  used'
	like "$kind: holes" "$text" '^ *32.0 KiB\+ +[0-9]+ +[0-9.]+ MiB$'
	like "$kind: pages" "$text" '^nothing +[0-9,]+ +[0-9.]+ MiB +8[0-9]%$'
	rm -f core
done
plan_done
