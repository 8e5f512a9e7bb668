#!/usr/bin/env bash
# threads: which files are used for code, names and lines: only those with the core's build-id.
. "$(dirname "$0")/../lib.sh"
need_cmd gdb python3 objcopy strip readelf
. "$SRC/tests/threads/lib.sh"
if why=$(core_forbidden); then
	skip_all "$why"
fi
mkdir bin debug root

# build_id FILE
build_id()
{
	readelf -n "$1" | sed -n 's/.*Build ID: *//p'
}

# debug_path DIR FILE: where the debug file of FILE belongs below DIR
debug_path()
{
	local id
	id=$(build_id "$2")
	mkdir -p "$1/.build-id/${id:0:2}"
	echo "$1/.build-id/${id:0:2}/${id:2}.debug"
}

# reason CORE: why backtraces end, sorted, each once
reason()
{
	"$COREHEAP" threads "$@" | sed -n 's/ *ends here: //p' | sort -u
}

# lines CORE [OPTIONS]: source lines of `finish` known?
line_of_finish()
{
	threads_of "$@" | awk -F, '$4 == "finish" { n = split($8, p, "/"); print p[n] ":" $9 }'
}

ok 'the victim builds' threads_build bin/whole || exit 1
line=$(grep -n 'abort();' "$SRC/tests/threads/callers.c" | cut -d: -f1)
cp bin/whole bin/callers
objcopy --only-keep-debug bin/whole whole.debug
strip bin/callers
ok 'a kernel core of the stripped program appears' kernel_core core "$OUT/bin/callers" abort || exit 1
ok 'stripped: each frame is as in gdb' as_gdb bin/callers core
is 'stripped: no name for finish' "$(calls core finish)" 'no thread is in finish'

cp whole.debug "$(debug_path debug bin/whole)"
like 'debug file by build-id: names' "$(calls core finish --debug-dir debug)" 'abort finish main '
is 'debug file by build-id: lines' "$(line_of_finish core --debug-dir debug)" "callers.c:$line"
threads_of core --debug-dir debug >with-debug.csv

ok 'another program builds' threads_build other -DOTHER=1 -Wl,--defsym=other=1
objcopy --only-keep-debug other other.debug
cp other.debug "$(debug_path debug bin/whole)"
is 'a debug file of another build is not used' "$(calls core finish --debug-dir debug)" \
	'no thread is in finish'
rm -r debug

objcopy --add-gnu-debuglink=whole.debug bin/whole 2>/dev/null
cp whole.debug bin/whole.debug
strip --strip-all --keep-section=.gnu_debuglink -o bin/callers bin/whole
like 'debug file by link, beside the program' "$(calls core finish)" 'abort finish main '
cp other.debug bin/whole.debug
is 'debug file by link, of another build: not used' "$(calls core finish)" 'no thread is in finish'
rm bin/whole.debug

mkdir -p "root$OUT/bin"
mv bin/callers "root$OUT/bin/callers"
is 'program gone: why it ends' "$(reason core | sed "s:$OUT:OUT:")" \
	'no unwind information for OUT/bin/callers (not found)'
like 'program gone: frames up to it' "$(threads_of core | sed -n 2,5p)" ',abort,.*/libc'
ok 'sysroot: each frame is as in gdb' as_gdb "root$OUT/bin/callers" core --sysroot root
ok '--exe: each frame is as in gdb' as_gdb "root$OUT/bin/callers" core --exe "root$OUT/bin/callers"
mkdir -p debug
cp whole.debug "$(debug_path debug bin/whole)"
is 'only the debug file: lines as with both' \
	"$(threads_of core --debug-dir debug --sysroot root | cksum)" "$(cksum <with-debug.csv)"
like 'only the debug file: names and no code' "$(reason core --debug-dir debug)" \
	'no unwind information .*callers'

cp other bin/callers
is 'program replaced: why it ends' "$(reason core | sed "s:$OUT:OUT:")" \
	'no unwind information for OUT/bin/callers (build-id differs)'
is 'program replaced: no name from it' "$(calls core finish)" 'no thread is in finish'

ok 'a program without a build-id builds' threads_build bare -Wl,--build-id=none
ok 'its kernel core appears' kernel_core bare.core "$OUT/bare" abort
is 'no build-id: its file is not used' "$(reason bare.core | sed "s:$OUT:OUT:")" \
	'no unwind information for OUT/bare (core has no build-id)'

cp bin/whole bin/gone
bin/gone wait >ready &
pid=$!
wait_for ready
rm bin/gone
ok 'a kernel core of a deleted program appears' kernel_core_of "$pid" deleted.core
like 'deleted: why it ends' "$(reason deleted.core)" 'gone \(deleted\) \(not found\)'
cp bin/whole bin/gone
like 'deleted, and put back: used' "$(calls deleted.core finish)" 'pause finish main '

# What dwz moves into a file that two programs share is found by that file's build-id, or not at all.
if command -v dwz >/dev/null; then
	mkdir shared
	threads_build shared/one -DOTHER=1 -gdwarf-4
	threads_build shared/two -DOTHER=2 -gdwarf-4 -Wl,--defsym=two=1
	dwz -m shared/common -M "$OUT/fifo" shared/one shared/two 2>dwz.log ||
		note "dwz: $(cat dwz.log)"
	ok 'dwz shares debug information' grep -q ELF shared/common
	ok 'a kernel core of such a program' kernel_core shared.core "$OUT/shared/one" abort
	mkfifo fifo
	like 'without the shared file: it ends, and names are there' \
		"$(timeout 60 "$COREHEAP" threads shared.core)" ' finish\+'
	mkdir -p "shareddebug/.build-id/$(build_id shared/common | cut -c1-2)"
	cp shared/common "$(debug_path shareddebug shared/common)"
	is 'with it: lines as gdb says' "$(line_of_finish shared.core --debug-dir shareddebug)" \
		"callers.c:$line"
	rm fifo
else
	skip 'debug information that dwz shares' 'dwz is not installed'
fi

for kind in static static-pie; do
	threads_build "$kind" "-$kind" 2>build.log || { skip "$kind" "does not link here"; continue; }
	ok "a kernel core of a $kind program appears" kernel_core "$kind.core" "$OUT/$kind" abort
	ok "$kind: each frame is as in gdb" as_gdb "$kind" "$kind.core"
done
plan_done
