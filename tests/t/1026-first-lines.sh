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
for flags in 'g++ -O0 -g' 'g++ -O2' 'g++ -O2 -s' 'clang++ -stdlib=libc++ -O2'; do
	if ! $flags -o prog prog.cc 2>/dev/null; then
		skip "$flags: a program" 'not installed'
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
ok 'g++ builds it' test "$(wc -l <all)" -ge 3
is 'of all builds, and with libc++, with one fingerprint' "$(cut -d' ' -f2 all | sort -u | wc -l)" 1

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
like 'the variable on which it hangs is named, and what that is' "$lines" \
	'% of what is in use, [0-9.]+ [KM]iB, hangs on one block, 0x[0-9a-f]+, of type item, held by g_statements\.all in '
like 'it is a list' "$("$COREHEAP" summary core)" 'g_statements.*; item; a chain of more than 2,9[0-9]+ blocks'

# A mapping that no core has may hold pointers: no verdict, and what only inner pointers keep is told.
cat >unsaved.c <<'C'
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char *volatile inner[3];
static void *volatile lost;

int main(int argc, char **argv)
{
	int fd[2];
	char *hidden = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (hidden == MAP_FAILED || pipe(fd))
		return 1;
	hidden[0] = 1;
	madvise(hidden, 1 << 20, MADV_DONTDUMP);
	for (int i = 0; i < 3; i++)
		inner[i] = (char *)malloc(1000 + 200 * i) + 100 + 40 * i;
	if (argc > 1) {
		lost = malloc(5000);
		if (write(fd[1], (void *)&lost, sizeof(lost)) != sizeof(lost)) /* only the pipe knows it now */
			return 1;
		lost = argv;
	}
	abort();
}
C
compile unsaved unsaved.c
kernel_core core "$OUT/unsaved"
like 'nothing is unreachable: said so, with what inner pointers keep' \
	"$("$COREHEAP" summary core | head -n 5 | tr '\n' ' ')" \
	'^No verdict: .* What is there still leads to every block in use\. 3 blocks, 3\.5[0-9] KiB are reached only by pointers into the middle: possibly leaked\.'
kernel_core core "$OUT/unsaved" lost
like 'one is: it may be leaked; the others are told of besides' \
	"$("$COREHEAP" summary core | head -n 6 | tr '\n' ' ')" \
	'1 block, 4\.8[0-9] KiB is unreachable from what is there, [0-9.]+% of all that is in use; it may be leaked, .* so it is called possible\. 3 blocks, 3\.5[0-9] KiB more are reached only by'

# What is kept by a link in its middle is no suspect beside a leak, either.
cat >linked.c <<'C'
#include <stdlib.h>
#include <string.h>

struct node {
	long numbers[4];
	struct node **link; /* to the link of the next */
	char rest[60];
};
struct node **list;

int main(void)
{
	for (int i = 0; i < 50; i++) {
		struct node *n = calloc(1, sizeof(*n));

		n->link = list;
		list = (struct node **)&n->link;
	}
	for (int i = 0; i < 20; i++)
		*(char **)memset(malloc(5000), 7, 5000) = strdup("a word");
	abort();
}
C
compile linked linked.c -O0
kernel_core core "$OUT/linked"
text=$("$COREHEAP" summary core --no-sites)
like 'blocks that links keep are in use' "$(printf '%s\n' "$text" | head -n 6 | tr '\n' ' ')" \
	'unreachable: leaked, .* (49|50) blocks, [0-9.]+ KiB more are reached only by pointers into the middle, but as the program keeps them on purpose: in use\.'
like 'leaks says the same' "$("$COREHEAP" leaks core --no-sites | head -n 6 | tr '\n' ' ')" \
	'(49|50) blocks, [0-9.]+ KiB more are reached .* on purpose: in use\.'
like 'who allocates what has no name' "$text" 'LD_PRELOAD=libcoreheap_sites.so COREHEAP_SITES=stack .*/linked$'
plan_done
