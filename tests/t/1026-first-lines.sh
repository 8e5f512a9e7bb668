#!/usr/bin/env bash
# The first lines of a summary name the culprit: a C++ server's sessions and connections that hold
# each other by shared_ptr, each with strings, a map and a vector below it: one finding, named after
# the class, whichever block of the ring has the lowest address.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd g++
why=$(core_forbidden) && skip_all "$why"

cat >prog.cc <<'CC'
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct Session;
struct Connection {
	std::shared_ptr<Session> session;
	std::string peer;
};
struct Session {
	std::shared_ptr<Connection> connection;
	std::unordered_map<std::string, std::string> headers;
	std::vector<int> ids;
	virtual ~Session() {}
};
static std::unordered_map<int, std::shared_ptr<Session>> table;

__attribute__((noinline)) static void handle(int i)
{
	auto s = std::make_shared<Session>();
	auto c = std::make_shared<Connection>();

	c->peer = "10.0.0." + std::to_string(i) + ":443, somewhere else";
	s->connection = c;
	c->session = s;
	for (int k = 0; k < i % 5 + 1; k++)
		s->headers["X-A-HEADER-NUMBER-" + std::to_string(k)] = std::string(40, 'v');
	s->ids.resize(10 + i % 30);
	table[i % 100] = s;
}

__attribute__((noinline)) static void scrub()
{
	volatile char pad[65536];

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = 0;
}

int main()
{
	for (int i = 0; i < 2000; i++)
		handle(i);
	scrub();
	abort();
}
CC
for flags in '-O0 -g' '-O2' '-O2 -s'; do
	if ! g++ $flags -o prog prog.cc 2>/dev/null; then
		result 1 "$flags: a program"
		continue
	fi
	kernel_core core "$OUT/prog"
	"$COREHEAP" summary core >text
	like "$flags: the first ten lines name the class" "$(head -n 10 text | tr '\n' ' ')" \
		'([0-9]+%|All) of it, [0-9.]+ [KM]iB, are 1,900 blocks of type [^ ]*Session'
	"$COREHEAP" leaks core --json | python3 -c '
import json, sys
for f in json.load(sys.stdin)["findings"]:
    if f["kind"] == "leak" and "Session" in f.get("type", ""):
        print(f["blocks"], f["fingerprint"])' >found
	is "$flags: one finding" "$(cut -d' ' -f1 found)" 1900
	cat found >>all
done
is 'of all builds with one fingerprint' "$(cut -d' ' -f2 all | sort -u | wc -l)" 1

# What is not leaked but hangs on one variable: a list whose blocks have a header in front, as some
# libraries' allocators put there, so that pointers lead behind it.
cat >kept.c <<'C'
#include <stdlib.h>

struct item { struct item *next; long fill[40]; };

struct { long unused; struct item *all; } g_statements;

static void *get(size_t n)
{
	size_t *p = calloc(1, n + 8);

	*p = n;
	return p + 1;
}

int main(void)
{
	for (int i = 0; i < 3000; i++) {
		struct item *item = get(sizeof(*item));

		item->next = g_statements.all;
		g_statements.all = item;
	}
	abort();
}
C
compile kept kept.c
kernel_core core "$OUT/kept"
lines=$("$COREHEAP" summary core | head -n 10 | tr '\n' ' ')
like 'pointers behind a header: not called leaked' "$lines" \
	'No leak found: each of the 3,[0-9]+ blocks in use can still be reached'
like 'the variable on which it hangs is named' "$lines" \
	'% of what is in use, [0-9.]+ [KM]iB, hangs on one block, 0x[0-9a-f]+, held by g_statements\.all in '
like 'it is a list' "$("$COREHEAP" summary core)" 'g_statements.*; a chain of more than 2,9[0-9]+ blocks'
plan_done
