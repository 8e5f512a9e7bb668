#!/usr/bin/env bash
# Cores from other hosts and containers: no file with another build-id is used, links in a sysroot
# stay inside it, names come back with --sysroot, and without any file the heap is the same.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 objcopy strip readelf mkfifo
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi

# A container out of what is here: ld.so, libc and libpthread with build-ids of their own, and a
# program that uses them. The kernel notes their paths below box.
linker=$(readelf -l "$(command -v bash)" | sed -n 's/.*interpreter: \(.*\)]/\1/p')
libc=$(ldd "$(command -v bash)" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')
[ -e "$linker" ] && [ -e "$libc" ] || skip_all 'bash is not linked dynamically'
mkdir -p box/usr/lib box/usr/bin
python3 "$SRC/tests/hosts/strange.py" "$linker" box/usr/lib/ld.so >/dev/null
python3 "$SRC/tests/hosts/strange.py" "$libc" box/usr/lib/libc.so.6 >/dev/null
chmod +x box/usr/lib/*
ok 'a program of the container builds' threads_build box/usr/bin/prog \
	-Wl,--dynamic-linker="$OUT/box/usr/lib/ld.so" -Wl,-rpath,"$OUT/box/usr/lib" || exit 1
ok 'its kernel core appears' kernel_core core "$OUT/box/usr/bin/prog" abort || exit 1
threads_of core >whole.csv 2>err
like 'with its files: names' "$(calls core finish)" 'abort finish main '
like 'with its files: the C library too' "$(cat whole.csv)" ",abort,.*/box/usr/lib/libc.so.6"
is 'with its files: nothing is said of them' "$(cat err)" ''
"$COREHEAP" summary core --json >whole.json
"$COREHEAP" blocks core --format=csv >whole.blocks

# The container is gone: below a sysroot its files are reached through absolute links only. At their
# old paths there are this host's files, which are others.
mkdir -p "sys$OUT" sys/store sys/bin.d
mv box/usr/lib sys/store/lib
mv box/usr/bin/prog sys/bin.d/prog-1
mkdir -p sys/store/bin sys/alternatives
ln -s /alternatives/prog sys/store/bin/prog
ln -s ../bin.d/../bin.d/./prog-1 sys/alternatives/prog
ln -s /store-link sys/tree
ln -s //store sys/store-link
mkdir "sys$OUT/box"
ln -s /tree "sys$OUT/box/usr"
mkdir -p box/usr/lib
cp "$linker" box/usr/lib/ld.so
cp "$libc" box/usr/lib/libc.so.6
threads_build box/usr/bin/prog -DOTHER=1 -Wl,--defsym=other=1
is 'other files at the old paths: no name of them' \
	"$(threads_of core 2>/dev/null | awk -F, 'NR > 1 && $4 != ""')" ''
like 'the backtrace says why it ends' "$("$COREHEAP" threads core 2>/dev/null)" \
	'ends here: no unwind information for .*libc.so.6 \(build-id differs\)'
"$COREHEAP" threads core >/dev/null 2>said
like 'which names are missing' "$(cat said)" 'names in prog, libc.so.6 are missing.*\(build-id differs\)'
like 'and how to have them' "$(cat said)" 'remedy: --sysroot DIR .*--debuginfod'
"$COREHEAP" check core >check
is 'check lists each file with its reason' "$(grep -c 'build-id differs, build-id' check)" 3
threads_of core --sysroot sys >sys.csv
is 'with --sysroot: every name and line is back' "$(cksum <sys.csv)" "$(cksum <whole.csv)"
"$COREHEAP" check core --sysroot sys --json >check.json
is 'the links were followed inside' "$(python3 -c '
import json, sys
print(*sorted(m["file"] for m in json.load(sys.stdin)["modules"]))' <check.json)" \
	'sys/bin.d/prog-1 sys/store/lib/ld.so sys/store/lib/libc.so.6'
is 'a sysroot with a slash behind it: the same' "$(threads_of core --sysroot sys/ | cksum)" \
	"$(cksum <whole.csv)"

# --exe and --debug-dir alone.
rm -r box
like '--exe: the program, and only it' "$("$COREHEAP" check core --exe sys/bin.d/prog-1)" \
	'program and libraries  1 of 3 found'
"$COREHEAP" threads core --exe "$(command -v bash)" >/dev/null 2>said
like '--exe of another build: said' "$(cat said)" '--exe .*bash is not used: build-id differs'
build_id()
{
	readelf -n "$1" | sed -n 's/.*Build ID: *//p'
}
for file in sys/bin.d/prog-1 sys/store/lib/ld.so sys/store/lib/libc.so.6; do
	id=$(build_id "$file")
	mkdir -p "ids/.build-id/${id:0:2}"
	cp "$file" "ids/.build-id/${id:0:2}/${id:2}"
done
is '--debug-dir: files by build-id' "$(threads_of core --debug-dir ids | cksum)" \
	"$(cksum <whole.csv)"
mkdir -p sys2/usr/lib
ln -s /elsewhere sys2/usr/lib/.build-id
mv ids/.build-id sys2/elsewhere
is 'a sysroot with files by build-id only' "$(threads_of core --sysroot sys2 | cksum)" \
	"$(cksum <whole.csv)"

# Without any file.
for command in summary leaks arenas maps; do
	"$COREHEAP" "$command" core --json --sysroot sys >a.json
	"$COREHEAP" "$command" core --json >b.json
	is "no file at all: $command is the same" "$(python3 "$SRC/tests/hosts/same.py" a.json b.json)" \
		'the same'
done
is 'no file at all: each block is the same' "$("$COREHEAP" blocks core --format=csv | cksum)" \
	"$(cksum <whole.blocks)"

# A link that leads out of the sysroot does not: the right files lie where it would lead to.
mkdir -p "out$OUT" out/deep
ln -s ../../../../../../../../../../../../../../../../../../../../../../.."$OUT/sys/store" \
	"out$OUT/box-usr"
mkdir "out$OUT/box"
ln -s "$OUT/sys/store" "out$OUT/box/usr"
is 'an absolute link: no file of outside' "$("$COREHEAP" check core --sysroot out |
	grep -c 'not found, build-id')" 3
rm "out$OUT/box/usr"
mv "out$OUT/box-usr" "out$OUT/box/usr"
is 'and with dots' "$("$COREHEAP" check core --sysroot out | grep -c 'not found, build-id')" 3

# What is no plain file is neither opened nor waited for.
rm "out$OUT/box/usr"
mkdir -p "out$OUT/box/usr/lib" "out$OUT/box/usr/bin"
mkfifo "out$OUT/box/usr/lib/libc.so.6"
ln -s loop "out$OUT/box/usr/lib/loop"
ln -s loop "out$OUT/box/usr/lib/ld.so"
ln -s "$(printf 'a/../%.0s' {1..800})" "out$OUT/box/usr/bin/prog"
(echo somebody reads >"out$OUT/box/usr/lib/libc.so.6"; echo opened >fifo-was-opened) &
writer=$!
ok 'a FIFO, a loop and a long link: it ends' timeout 60 "$COREHEAP" check core --sysroot out
sleep 0.2
not_ok 'the FIFO was not opened' test -e fifo-was-opened
kill "$writer" 2>/dev/null
mkdir -p box/usr/lib box/usr/bin
for strange in /dev/zero /dev/full /dev/tty /proc/kmsg /proc/self/mem /proc/self/exe \
	/proc/self/fd/0 /sys/kernel/uevent_helper /; do
	rm -f box/usr/lib/libc.so.6
	ln -s "$strange" box/usr/lib/libc.so.6
	ok "$strange in place of libc: it ends" timeout 60 "$COREHEAP" check core
	"$COREHEAP" check core >said </dev/null
	is "$strange is not used" "$(grep -c 'libc.so.6 .*, build-id' said)" 1
done
rm box/usr/lib/libc.so.6
if [ "${SAN:-0}" != 0 ]; then # the sanitizer cannot look for leaks under strace
	skip 'a device is looked at, and not opened' 'the release build tells'
elif command -v strace >/dev/null; then
	ln -s /dev/full box/usr/lib/libc.so.6
	strace -o trace "$COREHEAP" check core >/dev/null 2>&1
	is 'a device is looked at, and not opened' \
		"$(grep -E 'libc.so.6|/proc/self/fd' trace | grep box | grep -vc O_PATH)" 0
	rm box/usr/lib/libc.so.6
else
	skip 'a device is looked at, and not opened' 'strace is not installed'
fi
# Gigabytes of zeroes behind the right library, which are no reason to read them.
cp sys/store/lib/libc.so.6 box/usr/lib/libc.so.6
if truncate -s 1G box/usr/lib/libc.so.6 2>/dev/null; then
	like 'a file of 1 GiB is no trouble' "$(timeout 60 "$COREHEAP" threads core 2>/dev/null)" \
		' abort\+'
	truncate -s 1T box/usr/lib/libc.so.6 2>/dev/null
	like 'one of 1 TiB is refused' "$(timeout 60 "$COREHEAP" check core)" \
		'libc.so.6 .*the file has more than 16 GiB'
else
	skip 'a huge file is no trouble' 'no room for a sparse file'
fi
cp sys/store/lib/libc.so.6 box/usr/lib/libc.so.6
truncate -s 20000 box/usr/lib/libc.so.6
like 'a library that is cut off is not used' "$("$COREHEAP" check core)" \
	'libc.so.6 .*the file is cut off'
plan_done
