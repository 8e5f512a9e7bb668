#!/usr/bin/env bash
# Streams that are cut off, damaged, nested, endless or nothing at all.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd lz4 xz gzip python3

zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o core
size=$(stat -c %s core)
zstd -q -c core >core.zst
lz4 -q -c core >core.lz4
xz -0 -c core >core.xz
gzip -1 -c core >core.gz

# told FILE: verdict, definite leaks, codes of all warnings, is all of it there?
told()
{
	python3 - "$1" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
i = r["input"]
print(r["verdict"]["code"], r["leaks"]["definite"]["blocks"],
      ",".join(w["code"] for w in i["warnings"]), i["truncated"],
      "all" if i.get("uncompressed_bytes") == int(sys.argv[2] if len(sys.argv) > 2 else 0) else "part")
PY
}

# codes_of FILE: which codes a cut must give, by how much came out of it (which the libraries decide).
# Always that the stream ends early and that the core does; without libc's main_arena, that it is
# lost and which blocks that leaves in doubt; where the end lies within heaps that their own arenas
# tell of, that some of the heap is unread. (What lies before them in the file is told by arenas
# behind them; where those are missing, nobody knows of it.) The whole core says where all that is.
# The program's file is not here, whatever there is of the core.
codes_of()
{
	python3 - core "$1" <<'PY'
import json, struct, sys
core = open(sys.argv[1], "rb").read()
end = json.load(open(sys.argv[2]))["input"]["uncompressed_bytes"]
phoff, = struct.unpack_from("<Q", core, 32)
phnum, = struct.unpack_from("<H", core, 56)
loads = []
for at in range(phoff, phoff + 56 * phnum, 56):
    kind, flags, offset, vaddr, _, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", core, at)
    if kind == 1 and filesz != 0:
        loads.append((vaddr, offset, filesz))
def where(address):
    return next(o + address - v for v, o, size in loads if v <= address < v + size)
def word(address):
    return struct.unpack_from("<Q", core, where(address))[0]
# heap_info of glibc 2.36: ar_ptr first, the arena itself at 0x30, its `next` at 0x870
heaps = [l for l in loads if l[0] % (64 << 20) == 0 and word(l[0]) == l[0] + 0x30]
arena = heaps[0][0] + 0x30
while arena - 0x30 in [l[0] for l in heaps]:
    arena = word(arena + 0x870)
codes = ["stream", "truncated"]
if end <= where(arena):
    codes += ["main-arena-lost", "blocks-doubtful"]
if heaps[0][1] < end < heaps[-1][1] + heaps[-1][2]:
    codes += ["heap-unread"]
codes += ["names-missing"]
print(",".join(codes))
PY
}

# ---- cut off ----
for kind in zst lz4 xz gz; do
	packed=$(stat -c %s core.$kind)
	for percent in 30 60 97; do
		head -c $((packed * percent / 100)) core.$kind >cut.$kind
		exits "$kind cut at $percent %: analysed" 0 "$COREHEAP" cut.$kind --json
		is "$kind cut at $percent %: told, no definite leak" "$(told stdout)" \
			"withheld 0 $(codes_of stdout) True part"
		exits "$kind cut at $percent %: partial" 4 "$COREHEAP" leaks cut.$kind --strict
		like "$kind cut at $percent %: why" "$(cat stdout)" \
			"its (zstd|lz4|xz|gzip) stream is cut off after 0.[0-9]+ MiB; the [0-9.]+ MiB that came out"
		exits "$kind cut at $percent %, a pipe: analysed" 0 "$COREHEAP" - < <(cat cut.$kind)
	done
	head -c 20 core.$kind >cut.$kind
	exits "$kind: 20 bytes: nothing usable" 3 "$COREHEAP" cut.$kind
	like "$kind: 20 bytes: why" "$(cat stderr)" 'cut.*nothing came out of it: .*cut off'
	head -c $((packed - 2)) core.$kind >cut.$kind
	exits "$kind without its last bytes: partial" 4 "$COREHEAP" cut.$kind --strict
	{ cat core.$kind; echo rubbish; } >rubbish.$kind
	exits "$kind and rubbish: partial" 4 "$COREHEAP" leaks rubbish.$kind --strict --json
	is "$kind and rubbish: all the same a verdict" "$(told stdout)" 'leaks 538 stream,names-missing False part'
	like "$kind and rubbish: told" "$("$COREHEAP" check rubbish.$kind)" 'is followed, after .* by something else'
done

# ---- damaged: a byte of a block that is stored as it is, so that the checksum alone tells ----
python3 - <<'PY'
import os, zlib, struct
data = open("core", "rb").read()
def stored(path, cut):
    with open(path, "wb") as out:
        out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\3")
        for at in range(0, len(data), 65535):
            piece = data[at:at + 65535]
            last = at + 65535 >= len(data)
            out.write(struct.pack("<BHH", last, len(piece), len(piece) ^ 0xffff) + piece)
        out.write(struct.pack("<II", zlib.crc32(data) ^ cut, len(data) & 0xffffffff))
stored("good.gz", 0)
stored("bad.gz", 1)
PY
exits 'stored gzip: whole' 0 "$COREHEAP" good.gz --strict --json
exits 'a wrong checksum: analysed' 0 "$COREHEAP" bad.gz --json
is 'a wrong checksum: no definite leak' "$(told stdout)" 'withheld 0 stream,names-missing False part'
exits 'a wrong checksum: partial' 4 "$COREHEAP" bad.gz --strict
like 'a wrong checksum: why' "$(cat stdout)" 'gzip stream is damaged before .* \(incorrect data check\)'
exits 'a wrong checksum: --fail-on cannot be decided' 0 "$COREHEAP" bad.gz --fail-on 'leaked>0'

# ---- what is in it ----
gzip -c core.zst >nested.gz
exits 'nested: refused' 3 "$COREHEAP" nested.gz
like 'nested: the remedy' "$(cat stderr)" 'zstd within gzip.*gzip -dc FILE [|] coreheap summary -'
exits 'nested: the remedy works' 0 sh -c 'gzip -dc nested.gz | "$1" summary -' - "$COREHEAP"
for tool in zstd lz4 xz gzip; do
	echo 'no core at all' | $tool -c >text 2>/dev/null
	exits "$tool of a text: refused" 3 "$COREHEAP" text
	like "$tool of a text: why" "$(cat stderr)" 'text: not a core file'
	: | $tool -c >nothing 2>/dev/null
	exits "$tool of nothing: refused" 3 "$COREHEAP" nothing
	like "$tool of nothing: why" "$(cat stderr)" 'nothing: there is nothing in it'
done
printf 'BZh91AY' >core.bz2
exits 'bzip2: refused' 3 "$COREHEAP" core.bz2
like 'bzip2: the remedy' "$(cat stderr)" 'bzip2 -dc FILE [|] coreheap summary -'
exits 'nothing from a pipe: refused' 3 "$COREHEAP" - </dev/null
like 'nothing from a pipe: why' "$(cat stderr)" 'standard input: nothing came'
exits 'closed standard input: refused' 3 sh -c '"$1" - <&-' - "$COREHEAP"
like 'closed standard input: why' "$(cat stderr)" 'standard input: cannot'
exits 'a folder as standard input: refused' 3 "$COREHEAP" - <"$OUT"

# ---- a bomb: 4 GiB and more out of some MiB, with a core's header ----
python3 - <<'PY'
import gzip
head = open("core", "rb").read(1 << 20)
with gzip.open("zeroes.gz", "wb", 1) as z:
    z.write(head)
    for _ in range(600):
        z.write(bytes(1 << 20))
with gzip.open("ones.gz", "wb", 1) as z:
    z.write(head)
    for _ in range(600):
        z.write(b"\1" * (1 << 20))
PY
for bomb in zeroes ones; do
	exits "$bomb: stops at the bound" 3 "$COREHEAP" $bomb.gz --max-unpacked 256M
	is "$bomb: nothing on standard output" "$(cat stdout)" ''
	like "$bomb: what, why, remedy" "$(cat stderr)" \
		"$bomb.gz: it unpacks to more than 256.0 MiB, which --max-unpacked forbids; raise"
	exits "$bomb: through a pipe too" 3 sh -c 'cat "$2" | "$1" - --max-unpacked 256M' - "$COREHEAP" $bomb.gz
done
exits 'a bound that is not reached' 0 "$COREHEAP" core.zst --max-unpacked $size
exits 'a bound that is passed by a byte' 3 "$COREHEAP" core.zst --max-unpacked $((size - 1))
exits 'a limit on file sizes' 3 sh -c 'ulimit -f 1000; "$1" zeroes.gz' - "$COREHEAP"
like 'a limit on file sizes: the remedy' "$(cat stderr)" 'ulimit -f'
exits 'a plain core is bound by nothing' 0 "$COREHEAP" core --max-unpacked 1M

# Where the folder has no room: that is said, with the remedy.
if mkdir -p small && mount -t tmpfs -o size=2m none small 2>/dev/null; then
	exits 'no room: refused' 3 env TMPDIR="$OUT/small" "$COREHEAP" ones.gz
	like 'no room: the remedy' "$(cat stderr)" 'small has no room; set TMPDIR'
	umount small
else
	skip 'no room: refused' 'no tmpfs can be mounted here'
fi

# ---- random damage ----
ok 'random damage: 25 of each kind' python3 "$SRC/tests/hostile/streams.py" "$COREHEAP" core 25 1 .
note "$(tail -n 1 .ok.log)"
plan_done
