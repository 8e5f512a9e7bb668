#!/usr/bin/env bash
# Types of interpreters' objects: the script itself says where they are and what they are.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd gcore

# take NAME CMD...: a snapshot of CMD once it has written its truth.
take()
{
	local name=$1 pid
	shift
	"$@" >"$name.truth" 2>"$name.err" </dev/null &
	pid=$!
	wait_for "$name.truth" && sleep 0.2 && gcore_of $pid "$name.core"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ -s "$name.core" ]
}

check()
{
	local name=$1
	ok "$name: what the script says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" "$name.core" \
		"$name.truth" --all-of .
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
}

cat >objects.py <<'END'
import ctypes, sys, time
def word(at):
    return ctypes.c_size_t.from_address(at).value
class Mine(type):
    pass
Made = Mine("Made", (), {})
keep = [["%d" % i * 600 for i in range(30)], [b"x" * (600 + i) for i in range(30)],
        [tuple(range(100 + i)) for i in range(30)], [list(range(200 + i)) for i in range(30)],
        [{str(k): k for k in range(100 + i)} for i in range(10)],
        [set(range(100 + i * 50)) for i in range(10)], [bytearray(1000 + i) for i in range(10)]]
lines = []
for one in keep[0] + keep[1]:
    lines.append((id(one), type(one).__name__))
for one in keep[2]:
    lines.append((id(one) - 16, "tuple"))
for one in keep[3]:
    lines.append((word(id(one) + 24), "list items"))
for one in keep[4]:
    lines.append((word(id(one) + 32), "dict keys"))
for one in keep[5]:
    lines.append((word(id(one) + 40), "set table"))
for one in keep[6]:
    lines.append((word(id(one) + 32), "bytearray buffer"))
lines.append((id(Mine) - 16, "type"))
lines.append((id(Made) - 16, "Mine"))
class Session:
    def __init__(self, i):
        self.id = i
class Slotted:
    __slots__ = ["a%d" % i for i in range(37)]
small = [[Session(i) for i in range(30)], [Slotted() for i in range(60)], [1.5 * i for i in range(30)],
         [(i, str(i)) for i in range(30)], ["text%d" % i for i in range(30)], [{i: 1} for i in range(30)],
         [b"raw%d" % i for i in range(30)], [10 ** 30 + i for i in range(30)]]
gone = [id(one) for one in small[1][::2]]
small[1] = small[1][1::2]
with open("small.truth", "w") as out:
    for one in [one for row in small for one in row]:
        print("0x%x used 0x%x %s" % (id(one), id(one), type(one).__name__), file=out)
    for at in gone:
        print("0x%x free" % at, file=out)
print("\n".join("0x%x\tPython %s" % line for line in lines), flush=True)
time.sleep(1000)
END
python=$(python3 -c 'import sys; print(sys.version_info >= (3, 8))')
if [ "$python" = True ] && take python "$(python3 -c 'import sys; print(sys.executable)')" objects.py; then
	check python
	sort small.truth >small.sorted
	mapfile -t small < <(cut -d ' ' -f 1 small.sorted)
	"$COREHEAP" explain --json -n 0 python.core "${small[@]}" | python3 -c 'import json, sys
for e in json.load(sys.stdin)["explain"]:
    b = e.get("python", {})
    print(e["address"], *[b[key] for key in ("state", "object", "class") if key in b])' >small.told
	ok "python: objects in CPython's own memory, used and freed" diff small.sorted small.told
else
	skip 'python: what the script says' 'no python 3.8, or no snapshot of it'
	skip "python: objects in CPython's own memory, used and freed" 'the same'
fi

cat >values.pl <<'END'
$| = 1;
my (@keep, @lines);
push @keep, "text " . $_ x 50 for 1 .. 200;
push @lines, sprintf "0x%x\tperl string", unpack "J", pack "p", $_ for @keep;
print join("\n", @lines), "\n";
sleep 1000;
END
if command -v perl >/dev/null && perl -e 'exit($] < 5.020)' && take perl perl values.pl; then
	check perl
else
	skip 'perl: what the script says' 'no perl 5.20, or no snapshot of it'
fi

cat >values.lua <<'END'
local keep, lines = {}, {}
for i = 1, 200 do
  local t, f, s = { i, i + 1, name = i }, function() return i end, ("text %d "):format(i):rep(20)
  keep[#keep + 1] = { t, f, s }
  lines[#lines + 1] = ("%p\tLua table"):format(t)
  lines[#lines + 1] = ("%p\tLua closure"):format(f)
  lines[#lines + 1] = ("%p\tLua string"):format(s)
end
print(table.concat(lines, "\n"))
io.flush()
while true do end
END
if command -v lua5.4 >/dev/null && take lua lua5.4 values.lua; then
	check lua
else
	skip 'lua: what the script says' 'no lua 5.4, or no snapshot of it'
fi
plan_done
