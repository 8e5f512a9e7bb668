#!/usr/bin/env bash
# --format=folded: stacks for flame graphs. Its bytes add up to what leaked, its frames are those that
# the program's own functions are called in.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

# ---- by likely sites: the corpus knows none, so all is unknown, by type ----
zstd -q -d -f --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
exits 'folded' 0 "$COREHEAP" leaks core --format=folded
cp stdout folded
"$COREHEAP" leaks core --json >json
cat >sum.py <<'PY'
import json, re, sys
lines = [re.fullmatch(r"(.+) (\d+)", line.rstrip("\n")) for line in open("folded")]
assert lines and all(lines), "every line is a stack and a number"
stacks = [m[1] for m in lines]
assert stacks == sorted(set(stacks)), "sorted, each once"
leaks = json.load(open("json"))["leaks"]
print(sum(int(m[2]) for m in lines) - leaks["definite"]["bytes"] - leaks["indirect"]["bytes"])
PY
is 'all that leaked, and no more' "$(python3 sum.py 2>&1)" 0
"$COREHEAP" leaks core --format=folded --reach definite >folded
is '--reach chooses' "$(awk '{ n += $NF } END { print n }' folded)" \
	"$(python3 -c 'import json; print(json.load(open("json"))["leaks"]["definite"]["bytes"])')"
exits 'only leaks has it: exit 2' 2 "$COREHEAP" summary core --format folded

# ---- by stacks that the process kept ----
sites=$BUILD/libcoreheap_sites.so
cat >lose.c <<'C'
#include <stdlib.h>
void *volatile sink;
__attribute__((noinline)) void *get(size_t n) { void *p = malloc(n); sink = p; return p; }
__attribute__((noinline)) void lose(int n) { while (n--) get(100); sink = 0; }
__attribute__((noinline)) void drop(int n) { while (n--) get(1000); sink = 0; }
int main(void) { lose(50); drop(7); lose(30); char gone[8192]; for (size_t i = 0; i < sizeof(gone); i++)
	((volatile char *)gone)[i] = 0; abort(); }
C
compile lose lose.c -O1 -fno-inline -fno-optimize-sibling-calls
if [ ! -f "$sites" ]; then
	skip 'stacks' 'there is no libcoreheap_sites.so for this machine'
elif ! LD_PRELOAD=$sites COREHEAP_SITES=stack kernel_core exact "$OUT/lose"; then
	skip 'stacks' "$(core_forbidden)"
else
	exits 'exact stacks' 0 "$COREHEAP" leaks exact --format folded
	is 'who lost what: 80 blocks of 104, 7 of 1000' \
		"$(sed -n 's/.*main;/main;/p' stdout | sort)" "$(printf '%s\n' 'main;drop;get 7000' 'main;lose;get 8320')"
	like 'csv names the site, too' "$("$COREHEAP" leaks exact --format csv)" ',104,,get \(lose.c:3\),'
	LD_PRELOAD=$sites COREHEAP_SITES=sampled:1K kernel_core sampled "$OUT/lose"
	"$COREHEAP" leaks sampled --format folded >folded
	is 'a sample: only what is known' "$(grep -c '\[unknown\]' folded)" 0
	ok 'a sample: it stands for all' python3 - <<'PY'
total = sum(int(line.split()[-1]) for line in open("folded"))
assert 15320 / 4 < total < 15320 * 4, total
PY
fi

# ---- names are hostile ----
cat >evil.c <<'C'
#include <stdlib.h>
void *volatile sink;
__attribute__((noinline)) void evil(int n) { while (n--) sink = malloc(72); sink = 0; }
int main(void) { evil(40); char gone[8192]; for (size_t i = 0; i < sizeof(gone); i++)
	((volatile char *)gone)[i] = 0; abort(); }
C
if [ -f "$sites" ] && ! core_forbidden >/dev/null && "$CC" -O1 -c -o evil.o evil.c &&
	objcopy --redefine-sym "evil=a;b \"<c>" evil.o && "$CC" -o evil evil.o; then
	LD_PRELOAD=$sites COREHEAP_SITES=stack kernel_core evil.core "$OUT/evil"
	"$COREHEAP" leaks evil.core --format folded >folded
	like 'a semicolon in a name is no frame' "$(cat folded)" ';main;a:b "<c> 2880$'
else
	skip 'a semicolon in a name' 'no core, or no library, here'
fi
plan_done
