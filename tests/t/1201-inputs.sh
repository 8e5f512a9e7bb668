#!/usr/bin/env bash
# What is no core, not readable, or a part of one: a clear message and the right exit code.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core

# refused DESC SAID FILE: exit 3, nothing on standard output, one message that names the file.
refused()
{
	local desc=$1 said=$2 file=$3 command
	for command in summary leaks blocks arenas maps threads check 'explain 0x1000'; do
		# shellcheck disable=SC2086
		set -- $command
		exits "$desc: $1 exits with 3" 3 timeout 60 "$COREHEAP" "$1" "$file" ${2:+"$2"}
		is "$desc: $1 writes nothing on standard output" "$(cat stdout)" ''
		is "$desc: $1 says one thing" "$(wc -l <stderr)" 1
		like "$desc: $1 says what it is" "$(cat stderr)" "^coreheap: .*$said"
	done
	[ "$file" = - ] || like "$desc: names the file" "$(cat stderr)" "$(basename "$file")"
}
echo 'int main(void) { return 0; }' >prog.c
"$CC" -o prog prog.c
: >empty
mkfifo pipe
refused 'a text file' 'not a core' prog.c
refused 'an executable' 'executable' prog
refused 'an empty file' 'empty' empty
refused 'a missing file' 'No such file' ./missing
refused 'a directory' 'directory' "$OUT"
refused 'a pipe' 'not a regular file' pipe
refused 'a device' 'not a regular file' /dev/null
head -c 40 core >header
refused 'a core of 40 bytes' 'header' header
python3 - <<'PY'
data = bytearray(open("core", "rb").read(4096))
data[4] = 1
open("core32", "wb").write(data)
data[4] = 2
data[18] = 243
open("riscv", "wb").write(data)
PY
refused 'a core of x32' '32-bit' core32
refused 'a core of another machine' 'x86-64' riscv

# ---- a core cut to half: told, analysed as far as it goes ----
size=$(stat -c %s core)
head -c $((size / 2)) core >half
for command in summary leaks blocks arenas maps threads check; do
	exits "half a core: $command exits with 0" 0 "$COREHEAP" "$command" half
	exits "half a core: $command --strict exits with 4" 4 "$COREHEAP" "$command" half --strict
	like "half a core: $command says truncated" "$(cat stdout stderr)" 'truncated: .* of .* present \(50%\)'
	exits "a whole core: $command --strict exits with 0" 0 "$COREHEAP" "$command" core --strict
done
"$COREHEAP" leaks half --json >half.json
python3 - half.json <<'PY' >half.txt
import json, sys
r = json.load(open(sys.argv[1]))
print(r["input"]["truncated"], r["verdict"]["code"] in ("withheld", "no-heap"),
      r.get("leaks", {}).get("definite", {"blocks": 0})["blocks"],
      [w["code"] for w in r["input"]["warnings"]][:1], r["process"]["threads"])
PY
is 'half a core: JSON says truncated, no definite leak, all threads' "$(cat half.txt)" \
	"True True 0 ['truncated'] 4"
like 'half a core: what was kept' "$("$COREHEAP" half)" "kept: 4 threads' registers"
like 'half a core: the remedy' "$("$COREHEAP" half)" 'remedy: ulimit -c unlimited'
exits 'half a core: --fail-on cannot be decided' 0 "$COREHEAP" half --fail-on 'leaked>0'
like 'half a core: and that is said' "$(cat stderr)" "fail-on leaked>0 cannot be decided"
exits 'half a core: --fail-on with --strict' 4 "$COREHEAP" half --fail-on 'leaked>0' --strict

# Any cut: never a crash, always a message or a result.
bad=0
for percent in 1 5 20 40 60 80 90 95 99; do
	head -c $((size * percent / 100)) core >cut
	timeout 60 "$COREHEAP" leaks cut --json >cut.json 2>cut.err
	status=$?
	case $status in
	0) python3 -c 'import json; r = json.load(open("cut.json")); assert r["input"]["truncated"]' ||
		{ note "$percent%: not told"; bad=1; } ;;
	3) [ -s cut.err ] || bad=1 ;;
	*) note "$percent%: exit $status"; bad=1 ;;
	esac
done
is 'any cut gives a result that says so, or a message' "$bad" 0
plan_done
