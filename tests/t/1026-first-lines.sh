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
plan_done
