#!/usr/bin/env bash
# Who is the site of a block: what wraps an allocator, what fills a block, what jumps, and what calls
# an allocator through a pointer; from the cache, too.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd addr2line

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'

cat >right.py <<'END'
import collections, json, subprocess, sys
truth = dict(line.split() for line in open(sys.argv[3]))
right, all_, likely = collections.Counter(), collections.Counter(truth.values()), [0, 0]
run = subprocess.run([sys.argv[1], "blocks", "--format=jsonl", "--state", "used", sys.argv[2]],
                     capture_output=True, text=True)
for block in map(json.loads, run.stdout.splitlines()):
    line = truth.get(block["address"])
    first = block.get("site") or block.get("site_candidates", [""])[0]
    right[line] += bool(line) and first.endswith("(%s)" % line)
    if line and "site" in block:
        likely[0] += 1
        likely[1] += first.endswith("(%s)" % line)
for line, n in all_.items():
    print("%s: %d of %d" % (line, right[line], n))
print("likely: %d, right: %d" % tuple(likely))
sys.exit(len(all_) != 8 or any(right[line] < 0.9 * n for line, n in all_.items()) or
         likely[1] < 0.95 * likely[0])
END
ok 'builds' gcc -std=gnu11 -O2 -g -o wraps "$SRC/tests/sites/wraps.c"
ok 'its core appears' kernel_core wraps.core env -i "$PWD/wraps" "$PWD/truth"
ok 'each line is told for its blocks' python3 right.py "$COREHEAP" wraps.core truth
note "$(cat "$OUT/.ok.log")"
XDG_CACHE_HOME=$PWD/cache "$COREHEAP" blocks --format=jsonl wraps.core >made
XDG_CACHE_HOME=$PWD/cache "$COREHEAP" blocks --format=jsonl wraps.core >kept
is 'the cache tells the same' "$(cmp made kept && ls cache/coreheap | grep -c '^sites-')" "$(
	ls cache/coreheap | grep -c '^sites-')"

# Another core of the same program, whose hooks are others: what was kept is not right for it.
ok 'a core with other hooks appears' kernel_core other.core env -i "$PWD/wraps" "$PWD/truth" x
XDG_CACHE_HOME=$PWD/cache "$COREHEAP" blocks --format=jsonl other.core >kept
"$COREHEAP" blocks --format=jsonl --no-cache other.core >made
ok 'what the cache has of other hooks is made anew' cmp made kept

# What the C library keeps for a caller, and copies by a wrapper, against the recorder of stacks.
gcc -std=gnu11 -O2 -g -fPIC -shared -o stacks.so "$SRC/tests/sites/stacks.c" -lpthread || exit 1
gcc -std=gnu11 -O2 -g -o kept "$SRC/tests/sites/kept.c" || exit 1
ok 'its core appears, too' kernel_core kept.core env -i SITES_TRUTH="$PWD/kept.truth" \
	LD_PRELOAD="$PWD/stacks.so" "$PWD/kept"
ok "the line that called regcomp is told, and that of a wrapper of many callers" \
	python3 "$SRC/tests/sites/check.py" "$COREHEAP" kept.core kept.truth "$PWD/kept" \
	'top1>=80' 'top3>=90' 'right>=95'
note "$(cat "$OUT/.ok.log")"
rm -f kept.core kept.truth
plan_done
