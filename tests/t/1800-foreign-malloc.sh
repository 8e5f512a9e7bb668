#!/usr/bin/env bash
# Another malloc in the place of glibc's, beside it, or only mapped: named by what it is, with the
# files of the process at hand and without; glibc's own heap is still walked where there is one.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

mkdir empty
# library NAME: its path; empty where it is not installed.
library()
{
	local dir
	for dir in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/local/lib; do
		[ -e "$dir/$1" ] && readlink -f "$dir/$1" && return
	done
}

# told CORE [OPTION...]: verdict's code, malloc's owner, all allocators with their roles.
told()
{
	"$COREHEAP" "$@" --json 2>/dev/null | python3 -c '
import json, sys
r = json.load(sys.stdin)
p = r["process"]
print(r["verdict"]["code"], p.get("allocator", "-"),
      *sorted("%s=%s" % (a["name"], a["role"]) for a in p.get("allocators", [])))'
}

# glibc's blocks are taken by a name that jemalloc leaves alone; LEAK of them are lost.
cat >both.c <<'C'
#include <stdlib.h>
extern void *__libc_malloc(size_t);
void *volatile keep[1000];
int main(int argc, char **argv)
{
	for (int i = 0; i < 500; i++)
		keep[i] = malloc(1000);
	void **inner = malloc(800);
	keep[999] = inner;
	for (int i = 0; i < 100 + atoi(argv[1]); i++)
		inner[i % 100] = __libc_malloc(200);
	(void)argc;
	abort();
}
C
cat >own.c <<'C'
#include <stdlib.h>
#include <string.h>
static char pool[8 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t n)
{
	char *p = pool + used;

	n = (n + 31) & ~(size_t)15;
	used += n;
	*(size_t *)p = n - 16;
	return p + 16;
}
void free(void *p)
{
	(void)p;
}
void *calloc(size_t n, size_t size)
{
	return malloc(n * size);
}
void *realloc(void *p, size_t n)
{
	return p ? memcpy(malloc(n), p, n) : malloc(n);
}
void *volatile keep[100];
int main(void)
{
	for (int i = 0; i < 100; i++)
		keep[i] = malloc(1000);
	keep[1] = realloc(keep[0], 50);
	keep[2] = calloc(3, 4);
	free(keep[3]);
	abort();
}
#ifdef MARK
int MARK(int x)
{
	return x + 1;
}
#endif
C
# A malloc whose address the program itself takes: ld.so's pointers lead to the program's PLT.
cat >plt.c <<'C'
#include <dlfcn.h>
#include <stdlib.h>
void *(*volatile take)(size_t) = malloc;
void *(*volatile take2)(size_t, size_t) = calloc;
void *(*volatile take3)(void *, size_t) = realloc;
void (*volatile give)(void *) = free;
void *volatile keep[100];
int main(int argc, char **argv)
{
	for (int i = 0; i < 100; i++)
		keep[i] = take(100);
	if (argc > 1 && !dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))
		return 1;
	abort();
}
C
"$CC" -O1 -fno-builtin -o both both.c
"$CC" -O1 -fno-builtin -o own own.c
"$CC" -O1 -fno-builtin -static -o own-static own.c
"$CC" -O1 -fno-builtin -fno-pie -no-pie -o own-fixed own.c
"$CC" -O1 -fno-builtin -fno-pie -no-pie -o plt plt.c

for one in jemalloc=libjemalloc.so.2 tcmalloc=libtcmalloc_minimal.so.4 \
	tcmalloc=libtcmalloc.so.4 mimalloc=libmimalloc.so; do
	name=${one%%=*}
	file=${one#*=}
	path=$(library "$file")
	[ -n "$path" ] || { skip "$file" 'not installed'; continue; }
	ok "$file: a core comes" kernel_core pre.core /usr/bin/env LD_PRELOAD="$path" "$OUT/own-fixed"
	is "$file under a program with its own malloc: mapped only" "$(told pre.core)" \
		"foreign its own malloc its own malloc=malloc $name=mapped"
	kernel_core both.core /usr/bin/env LD_PRELOAD="$path" "$OUT/both" 50
	is "$file: it is the malloc" "$(told both.core | sed 's/^leaks/foreign/')" \
		"foreign $name $name=malloc"
	is "$file: also without any file" \
		"$(told both.core --sysroot empty | sed 's/^leaks/foreign/')" \
		"foreign $name $name=malloc"
	for command in summary leaks blocks arenas check; do
		exits "$command exits with 0" 0 "$COREHEAP" "$command" both.core
		like "$command names $name" "$(cat stdout stderr)" "$name"
	done
	like "maps: its memory may be $name's" "$("$COREHEAP" maps both.core)" \
		"anonymous memory, of $name or of the program itself"
	if kernel_core mapped.core "$OUT/plt" "$path" 2>/dev/null; then
		is "$file loaded by dlopen: mapped, and malloc is glibc's" \
			"$(told mapped.core | cut -d' ' -f2-)" "- $name=mapped"
		like "check says so" "$("$COREHEAP" check mapped.core)" \
			"ok .*$name \\($file.*\\) is mapped, and nothing shows that malloc is its"
	else
		skip "$file loaded by dlopen" 'it cannot be loaded so'
	fi
done

path=$(library libjemalloc.so.2)
if [ -n "$path" ]; then
	kernel_core leaky.core /usr/bin/env LD_PRELOAD="$path" "$OUT/both" 50
	is "glibc's heap beside jemalloc's is walked" "$("$COREHEAP" leaks leaky.core -q --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["leaks"]["definite"])')" \
		"{'blocks': 50, 'bytes': 10000}"
	text=$("$COREHEAP" leaky.core | tr '\n' ' ')
	like 'its leaks are the verdict' "$text" '^50 blocks, 9.77 KiB are unreachable: leaked'
	like 'which is only half of the truth' "$text" \
		'That is only what glibc.s malloc handed out: this process uses jemalloc, in whose heap'
	kernel_core clean.core /usr/bin/env LD_PRELOAD="$path" "$OUT/both" 0
	text=$("$COREHEAP" clean.core | tr '\n' ' ')
	like 'without leaks the other malloc comes first' "$text" \
		'^This process uses jemalloc, whose heap this version cannot read: no leak in it can'
	like "what jemalloc's blocks hold is reachable" "$text" \
		'No leak found: each of the 100 blocks, [^ ]+ KiB in use can still be reached'
	like 'its memory is counted' "$text" \
		'only searched for pointers into the heap: [0-9.]+ [KM]iB of resident memory lie'
fi

for name in own own-static own-fixed; do
	ok "$name: a core comes" kernel_core "$name.core" "$OUT/$name"
	is "$name: a program's own malloc" "$(told "$name.core")" \
		'foreign its own malloc its own malloc=malloc'
done
for name in own own-fixed; do
	is "$name: also without any file" "$(told "$name.core" --sysroot empty)" \
		'foreign its own malloc its own malloc=malloc'
done
ok 'a core comes' kernel_core plt.core "$OUT/plt"
is "glibc's malloc by way of the program's PLT: nothing else" "$(told plt.core)" 'clean -'
is 'also without any file' "$(told plt.core --sysroot empty)" 'clean -'
like 'check has no line on allocators' "$("$COREHEAP" check plt.core | grep -c allocators)" '^0$'

# Allocators linked into a program, by their symbols: stand-ins with the names that the real ones have
# (Google's tcmalloc, tcmalloc/tcmalloc.h; jemalloc as Rust's crates prefix it).
for one in TCMallocInternalMalloc=tcmalloc mallctl=jemalloc mi_malloc=mimalloc; do
	"$CC" -O1 -fno-builtin -DMARK="${one%%=*}" -o marked own.c
	kernel_core marked.core "$OUT/marked"
	is "linked in, by ${one%%=*}" "$(told marked.core)" "foreign ${one#*=} ${one#*=}=malloc"
done
cat >prefixed.c <<'C'
#include <stdlib.h>
int _rjem_mallctl(int x)
{
	return x + 1;
}
void *volatile keep[100];
int main(void)
{
	for (int i = 0; i < 100; i++)
		keep[i] = malloc(100);
	abort();
}
C
"$CC" -O1 -o prefixed prefixed.c
kernel_core marked.core "$OUT/prefixed"
is 'linked in under names of its own: beside' "$(told marked.core)" 'clean - jemalloc=beside'

if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
	(ulimit -c unlimited && exec redis-server --port 0 --unixsocket "$OUT/sock" --save '' \
		--dir "$OUT" --enable-debug-command yes) >redis.log 2>&1 &
	pid=$!
	for _ in $(seq 200); do [ -S sock ] && break; sleep 0.05; done
	redis-cli -s "$OUT/sock" debug populate 20000 >/dev/null
	ok 'redis-server: a core comes' kernel_core_of "$pid" redis.core
	if ldd "$(command -v redis-server)" | grep -q jemalloc; then
		is 'redis-server: jemalloc' "$(told redis.core)" 'foreign jemalloc jemalloc=malloc'
	fi
else
	skip 'redis-server' 'not installed'
fi

ok 'bash: a core comes' kernel_core bash.core /bin/bash -c 'x=$(seq 1000); kill -ABRT $$'
want='clean -'
nm -D --defined-only /bin/bash 2>/dev/null | grep -q ' T malloc$' &&
	want='foreign its own malloc its own malloc=malloc'
is "bash: what its symbols tell ($want)" "$(told bash.core | sed 's/^possible/clean/')" "$want"
plan_done
