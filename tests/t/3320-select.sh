#!/usr/bin/env bash
# Which leaks are one, by what hangs on them and where they come from; filters and suppressions; the
# same fingerprints from another build and another run.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

cat >prog.c <<'C'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct session { void *buffer, *name, *more; char fill[40]; };

static void *volatile sink;

static void *get(size_t size)
{
	void *p = malloc(size);

	memset(p, 1, size);
	sink = p;
	return p;
}

__attribute__((noinline)) void *open_session(size_t body)
{
	struct session *s = get(sizeof(*s));

	s->buffer = get(body);
	s->name = s->more = 0;
	return s;
}

__attribute__((noinline)) void *open_plain(void)
{
	struct session *s = get(sizeof(*s));

	s->buffer = s->name = s->more = 0;
	return s;
}

__attribute__((noinline)) void *open_chain(void)
{
	struct session *s = get(sizeof(*s));
	void **first = get(104), **second = get(120);

	first[0] = second;
	s->buffer = first;
	s->name = s->more = 0;
	return s;
}

/* In a thread that ends, so that neither its registers nor its stack keep anything. */
static void *leak(void *times)
{
	int n = *(int *)times;

	for (int i = 0; i < 5 * n; i++)
		open_session(1000); /* always the same */
	for (int i = 0; i < 7 * n; i++)
		open_plain();
	for (int i = 0; i < 3 * n; i++)
		open_chain();
	for (int i = 0; i < 40; i++) { /* a body of its own for each */
		void **p = get(232);
		p[0] = get(2000 + 16 * (size_t)(i * n % 41));
	}
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	(void)argv;
	if (pthread_create(&thread, 0, leak, &argc) || pthread_join(thread, 0))
		return 1;
	sink = 0;
	abort();
}
C
mkdir first second
"$CC" -O0 -g -pthread -o first/prog prog.c
"$CC" -O2 -pthread -fno-inline -o second/prog prog.c
kernel_core core "$OUT/first/prog"
kernel_core core2 "$OUT/second/prog" more arguments

# rows FILE: of the leaks of the program's own: blocks, size, signature, what is held
cat >rows.py <<'PY'
import json, sys
for f in json.load(sys.stdin)["findings"]:
    if f.get("reach") == "definite" and f.get("size") in (64, 72, 232, None):
        print(f["blocks"], f.get("size"), f["signature"], f["held"]["blocks"], *[
            f[k] for k in sys.argv[1:] if k in f])
PY
is 'leaks are told apart by what hangs on them, not by its content' \
	"$("$COREHEAP" leaks core --json | python3 rows.py | sort)" \
	'3 72 {72} -> {104} -> {120} 6
40 232 {232} -> {2008-2632} 40
5 72 {72} -> {1000} 5
7 72 {72} 0'
fingerprints()
{
	"$COREHEAP" leaks "$1" --json | python3 rows.py fingerprint | awk '{ print $NF }' | sort
}
is 'another build, run and count: the same fingerprints' "$(fingerprints core2)" "$(fingerprints core)"
is 'all different' "$(fingerprints core | uniq | wc -l)" 4
is 'the other core has other counts' "$("$COREHEAP" leaks core2 --json | python3 rows.py | sort | head -n 1)" \
	'15 72 {72} -> {1000} 15'
is '--group-by size: one line a size' \
	"$("$COREHEAP" leaks core --group-by size --json | python3 rows.py | sort)" $'15 72 {72} 11\n40 232 {232} 40'
is '--group-by type: sizes, where no type is known' \
	"$("$COREHEAP" leaks core --group-by type --json | python3 rows.py | sort)" $'15 72 {72} 11\n40 232 {232} 40'
is '--min-bytes counts what is held' "$("$COREHEAP" leaks core --min-bytes 5000 --json |
	python3 rows.py | sort)" $'40 232 {232} -> {2008-2632} 40\n5 72 {72} -> {1000} 5'

exits '--type takes an expression' 2 "$COREHEAP" leaks core --type '('
like 'and says what is wrong with it' "$(cat stderr)" 'extended regular expression'
exits '--suppress takes a file' 2 "$COREHEAP" leaks core --suppress "$OUT/nowhere"
echo 'race:open' >bad
exits 'of suppressions of leaks' 2 "$COREHEAP" leaks core --suppress bad
like 'and names the line' "$(cat stderr)" 'bad: line 1 '
exits 'blocks takes no suppressions' 2 "$COREHEAP" blocks core --suppress bad
is '--type without a match leaves nothing' \
	"$("$COREHEAP" leaks core --type 'no such type' --format csv | wc -l)" 1
is '--group-by site: what may be of one site is one line' \
	"$("$COREHEAP" leaks core --group-by site --json | python3 -c '
import json, sys
keys = [(f["reach"], f["site_candidates"]) for f in json.load(sys.stdin)["findings"]
        if f["kind"] == "leak" and "site" not in f and "owner" not in f and "site_candidates" in f]
print(len([key for key in keys if keys.count(key) > 1]))')" 0

# With the library that keeps sites each leak has its own.
library=$(dirname "$COREHEAP")/libcoreheap_sites.so
if [ ! -e "$library" ]; then
	skip 'sites' 'libcoreheap_sites.so is not built'
	plan_done
fi
[ "${SAN:-0}" = 0 ] || { skip 'sites' 'the library is not for sanitizers'; plan_done; }
LD_PRELOAD=$library kernel_core core3 "$OUT/first/prog"
by_function()
{
	"$COREHEAP" leaks core3 "$@" --json | python3 -c '
import json, sys
for f in json.load(sys.stdin)["findings"]:
    if f.get("site", {}).get("function", "") and f.get("reach") == "definite":
        print(f["blocks"], f["site"]["function"], f["held"]["blocks"], f["site_method"])' | sort
}
by_function --site 'prog\.c' >sites
ok 'a leak a site' [ "$(wc -l <sites)" -ge 4 ]
note "$(cat sites)"
echo '# known
leak:^get$' >known
like 'a suppression by function: one line tells what is not told' \
	"$("$COREHEAP" leaks core3 --suppress known)" '^  suppressed: 106 blocks, '
is 'it leaves nothing of that function' "$(by_function --suppress known | grep -c ' get ')" 0
exits 'what is suppressed does not make --fail-on hold' 0 "$COREHEAP" leaks core3 --suppress known \
	--fail-on 'definite.blocks>10'
exits 'without the file it does' 1 "$COREHEAP" leaks core3 --fail-on 'definite.blocks>10'
is '--group-by site: one line a site' \
	"$(by_function --group-by site --site 'prog\.c' | awk '{ n += $1 } END { print n }')" 55
plan_done
