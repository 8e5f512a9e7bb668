#!/usr/bin/env bash
# Another C library (musl), languages with a heap of their own (Go, Java, V8, CPython), sanitizers
# and valgrind: named, and no false alarm in the glibc heap that there is beside them.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

mkdir empty
told()
{
	"$COREHEAP" "$@" --json 2>/dev/null | python3 -c '
import json, sys
r = json.load(sys.stdin)
p = r["process"]
print(r["verdict"]["code"], p.get("allocator", "-"),
      *sorted("%s=%s" % (a["name"], a["role"]) for a in p.get("allocators", [])))'
}
# roles CORE [OPTION...]: the same without the verdict.
roles()
{
	told "$@" | cut -d' ' -f2-
}

# verdict CORE: the verdict, as one line.
verdict()
{
	"$COREHEAP" "$1" | sed '/^$/,$d' | tr '\n' ' '
}

cat >prog.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
void *volatile keep[1000];
int main(int argc, char **argv)
{
	for (int i = 0; i < 1000; i++)
		keep[i] = memset(malloc(100 + i), 1, 100);
	if (argc > 1)
		for (int i = 0; i < 10; i++)
			free(keep[i]);
	puts("ready");
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "wait"))
		sleep(100);
	abort();
}
C

if command -v musl-gcc >/dev/null; then
	for flags in '' -static -static-pie; do
		# shellcheck disable=SC2086
		musl-gcc -O1 $flags -o prog-musl prog.c
		for with in '' stripped; do
			[ -z "$with" ] || strip prog-musl
			ok "musl ${flags:-dynamic} $with: a core comes" \
				kernel_core musl.core "$OUT/prog-musl" free
			is "musl ${flags:-dynamic} $with" "$(told musl.core)" 'foreign musl musl=malloc'
			is "musl ${flags:-dynamic} $with: also without any file" \
				"$(told musl.core --sysroot empty)" 'foreign musl musl=malloc'
		done
	done
	like 'in words' "$(verdict musl.core)" \
		'^This process does not use glibc.s malloc but musl, whose heap this version cannot read: '
else
	skip 'musl' 'musl-gcc is not installed'
fi

if command -v go >/dev/null; then
	cat >prog.go <<'GO'
package main

import (
	"os"
	"syscall"
)

var keep [][]byte

func main() {
	for i := 0; i < 20000; i++ {
		keep = append(keep, make([]byte, 1000))
	}
	syscall.Kill(os.Getpid(), syscall.SIGABRT)
	select {}
}
GO
	cat >cgo.go <<'GO'
package main

/*
#include <stdlib.h>
#include <string.h>
void *keep[3];
static void *take(void) { return memset(malloc(5000), 1, 5000); }
static void end(void) { keep[0] = take(); keep[1] = take(); abort(); }
*/
import "C"
import "unsafe"

var held []unsafe.Pointer

func main() {
	for i := 0; i < 100; i++ {
		held = append(held, C.take())
	}
	C.end()
}
GO
	export GOCACHE="$OUT/gocache" GOFLAGS=-mod=mod GO111MODULE=off GOTRACEBACK=crash
	ok 'Go: builds' go build -ldflags='-s -w' -o prog-go prog.go
	ok 'Go: a core comes' kernel_core go.core "$OUT/prog-go"
	is 'Go' "$(told go.core)" 'foreign Go Go=malloc'
	is 'Go, without any file' "$(told go.core --sysroot empty)" 'foreign Go Go=malloc'
	"$COREHEAP" maps go.core --format csv >maps.csv
	is "Go: its stacks lie in its heap, which is no thread's stack" \
		"$(grep -c thread-stack maps.csv)" 0
	like 'Go: its heap is called so' "$(grep '^0xc0[0-9a-f]*,' maps.csv)" ",anonymous,.*,Go's heap"
	is 'Go: all of its stacks are searched for pointers' \
		"$("$COREHEAP" check go.core --json 2>/dev/null | grep -c '"stacks": 1.0')" 1
	if CGO_ENABLED=1 go build -o prog-cgo cgo.go 2>/dev/null; then
		ok 'Go with C: a core comes' kernel_core cgo.core "$OUT/prog-cgo"
		is 'Go with C: beside glibc' "$(roles cgo.core)" '- Go=beside'
		is "Go with C: what Go's heap holds is reachable" \
			"$("$COREHEAP" blocks cgo.core --size 5000 --format=csv |
				awk -F, 'NR > 1 { n[$4]++ } END { for (r in n) print r, n[r] }')" \
			'reachable 102'
	else
		skip 'Go with C' 'cgo is not at hand'
	fi
	chmod -R u+w gocache && rm -rf gocache
else
	skip 'Go' 'go is not installed'
fi

if command -v java >/dev/null && command -v javac >/dev/null; then
	cat >Keep.java <<'JAVA'
public class Keep {
	static byte[][] keep = new byte[2000][];
	public static void main(String[] args) throws Exception {
		for (int i = 0; i < keep.length; i++)
			keep[i] = new byte[1000];
		System.out.println("ready");
		Thread.sleep(100000);
	}
}
JAVA
	javac Keep.java
	java -Xmx32m -cp . Keep >java.log 2>&1 &
	pid=$!
	wait_for java.log
	ok 'Java: a core comes' kernel_core_of "$pid" java.core SEGV
	is 'Java: beside glibc' "$(roles java.core)" '- the Java VM=beside'
	like 'Java: in words' "$(verdict java.core)" \
		'The memory of the Java VM is not looked into, only searched for pointers'
	rm -f java.core
else
	skip 'Java' 'java and javac are not installed'
fi

if command -v node >/dev/null; then
	ok 'node: a core comes' kernel_core node.core "$(command -v node)" -e \
		'const a = []; for (let i = 0; i < 1e5; i++) a.push({ i }); process.abort()'
	is 'node: V8 beside glibc' "$(roles node.core)" '- V8=beside'
	like 'node: in words' "$(verdict node.core)" \
		'The memory of V8 is not looked into.* [0-9.]+ MiB of resident memory lie in anonymous'
	like 'node: who' "$("$COREHEAP" node.core)" '^node .*, glibc [0-9.]+ and V8; '
	ok 'node: no certain leak' test "$("$COREHEAP" leaks node.core --json | python3 -c \
		'import json, sys; print(json.load(sys.stdin)["leaks"]["definite"]["blocks"])')" = 0
else
	skip 'node' 'not installed'
fi

if [ -x /usr/bin/python3 ]; then
	ok 'python3: a core comes' kernel_core python.core /usr/bin/python3 -c \
		'import os; keep = [{i: str(i)} for i in range(100000)]; os.abort()'
	is 'python3: CPython beside glibc' "$(roles python.core)" '- CPython=beside'
fi

# sanitizer COMPILER FLAG NAME
sanitizer()
{
	command -v "$1" >/dev/null && "$1" -O1 "-fsanitize=$2" -o prog-san prog.c 2>/dev/null ||
		{ skip "$1 -fsanitize=$2" 'not at hand'; return; }
	ok "$1 -fsanitize=$2: a core comes" kernel_core san.core /usr/bin/env \
		ASAN_OPTIONS=disable_coredump=0 LSAN_OPTIONS=disable_coredump=0 "$OUT/prog-san"
	is "$1 -fsanitize=$2" "$(told san.core)" "foreign $3 $3=malloc"
	rm -f san.core
}
sanitizer gcc address AddressSanitizer
sanitizer gcc leak LeakSanitizer
sanitizer clang address AddressSanitizer
sanitizer clang leak LeakSanitizer

if command -v valgrind >/dev/null; then
	"$CC" -O1 -o prog prog.c
	(ulimit -c unlimited && exec valgrind --log-file="$OUT/vg" ./prog) >/dev/null 2>&1
	core=$(find . -maxdepth 1 -name 'vg.core.*')
	if [ -n "$core" ]; then
		is "valgrind's own core of its client" "$(told "$core")" 'foreign valgrind valgrind=malloc'
		like 'it is called so' "$("$COREHEAP" summary "$core")" ", SIG.*: valgrind's core, "
	else
		skip "valgrind's own core" 'none came'
	fi
	if command -v gcore >/dev/null; then
		valgrind --log-file=vg ./prog wait >ready.log 2>&1 &
		pid=$!
		wait_for ready.log
		ok 'valgrind, by gcore: a core comes' gcore_of "$pid" vg.core
		is 'valgrind, by gcore' "$(told vg.core)" 'foreign valgrind valgrind=malloc'
		kill -9 "$pid"
		rm -f vg.core
	fi
else
	skip 'valgrind' 'not installed'
fi
plan_done
