#!/usr/bin/env bash
# Names: C++ as people write it, in bounded time whatever a name stands for; thread-local variables.
# By symbol tables alone: without debug information (-g0).
. "$(dirname "$0")/../lib.sh"
need_cmd python3
if why=$(core_forbidden); then
	skip_all "$why"
fi

# f(P<int,int>, P<S,S>, P<SS,SS>, ...): each parameter is twice as long as the one before.
python3 - >names.h <<'PYTHON'
digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
def ref(i):
    if i == 0:
        return "S_"
    return "S" + (digits[i - 1] if i <= 36 else "1" + digits[i - 37]) + "_"
print('#define BOMB "_Z4bomb1PIiiE' + "".join(f"S_I{ref(i)}{ref(i)}E" for i in range(1, 45)) + '"')
PYTHON
"$CC" -g0 -O1 -fPIC -shared -o libnames.so "$SRC/tests/hosts/namelib.c"
ok 'the victim builds' compile victim "$SRC/tests/hosts/names.c" -g0 -I. -L. -lnames -Wl,-rpath,"$OUT" || exit 1
ok 'a kernel core appears' kernel_core core "$OUT/victim" || exit 1

SECONDS=0
ok 'threads ends' timeout 60 "$COREHEAP" threads core
ok "soon ($SECONDS s)" test "$SECONDS" -le 5
"$COREHEAP" threads core --json >threads.json
python3 - threads.json <<'PYTHON' >told
import json, sys
for f in json.load(open(sys.argv[1]))["threads"][0]["frames"]:
    if f.get("module", "").endswith("/victim"):
        name = f.get("function", "??")
        print(name if len(name) < 90 else name[:40] + name[-3:] + str(len(name)), f.get("symbol", "-")[:60], sep="|")
PYTHON
like 'a C++ name as people write it, and as in the file' "$(cat told)" \
	'^shop::Order<long>::place\(std::vector<long, std::allocator<long> >\)\|_ZN4shop5OrderIlE5placeESt6'
like 'a name that stands for too much is cut' "$(cat told)" \
	'^bomb\(P<int, int>, P<P<int, int>, P<int, \.\.\.16[0-9]{3}\|_Z4bomb1PIiiES_IS0_S0_ES_IS1_S1_E'
like 'what is no C++ name, too' "$(cat told)" '^main\|-$'

# Thread-local variables: what the process said that it put where.
is 'two threads told of three variables each' "$(grep -c '^[bsl].* 0x' core.log)" 6
while read -r name at block; do
	case $name in
	basket) want="TLS of thread [0-9]+, shop::basket in .*/victim" ;;
	scratch) want="TLS of thread [0-9]+, scratch\+0x10 in .*/victim" ;;
	library) want="TLS of thread [0-9]+, shelf in .*/libnames.so" ;;
	esac
	like "$name at $at" "$("$COREHEAP" explain core "$at" 2>/dev/null | head -n 1)" "^$at $want$"
	like "who holds $block" "$("$COREHEAP" explain core "$block" 2>/dev/null)" "$at  $want  ->"
done < <(grep ' 0x' core.log)
at=$(sed -n 's/^basket \(0x[0-9a-f]*\) .*/\1/p' core.log | head -n 1)
is 'in JSON too' "$("$COREHEAP" explain core "$at" --json | python3 -c '
import json, sys
s = json.load(sys.stdin)["explain"][0]["symbol"]
print(s["name"], s["raw"], s["module"].split("/")[-1], "module_offset" in s)')" \
	'shop::basket _ZN4shop6basketE victim False'
python3 "$SRC/tests/hosts/strange.py" core strange >/dev/null
like 'without files: where it is' "$("$COREHEAP" explain strange "$at" 2>/dev/null | head -n 1)" \
	"^$at TLS of thread [0-9]+, at (fs-|tp\+)0x"
"$COREHEAP" explain strange "$at" >/dev/null 2>said
like 'and which names are missing' "$(cat said)" 'names in .*victim.* are missing'
plan_done
