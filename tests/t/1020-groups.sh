#!/usr/bin/env bash
# Groups of leaks: heads, what they hold, the same fingerprint in every run.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
why=$(core_forbidden) && skip_all "$why"

cat >prog.c <<'C'
#include <stdlib.h>
#include <string.h>

struct node { struct node *next; char fill[80]; };
struct tree { struct tree *child[8]; char fill[300]; };

static void *volatile sink;

static struct node *chain(int n)
{
	struct node *first = 0;

	while (n-- > 0) {
		struct node *node = calloc(1, sizeof(*node));
		node->next = first;
		first = node;
	}
	return first;
}

static struct tree *grow(int depth)
{
	struct tree *t = calloc(1, sizeof(*t));

	for (int i = 0; depth > 0 && i < 8; i++)
		t->child[i] = grow(depth - 1);
	return t;
}

__attribute__((noinline)) static void leak(int factor)
{
	struct node *ring;

	for (int i = 0; i < 3; i++) { /* 3 heads of 200 bytes, each with a chain of 100 */
		struct node **head = calloc(1, 200);
		*head = chain(100);
	}
	grow(5); /* a tree: 1 head, 37448 below it */
	ring = chain(10 * factor); /* a ring: one head, the others held */
	struct node *last = ring;
	while (last->next)
		last = last->next;
	last->next = ring;
	/* A star of 70000, wider than what can wait to be looked at; each point holds one more. */
	void ***star = calloc(70000, sizeof(*star));
	for (int i = 0; i < 70000; i++) {
		star[i] = calloc(1, 24);
		star[i][0] = calloc(1, 24);
	}
	sink = star; /* seen by the compiler, then forgotten */
	sink = 0;
}

/* More heads than are kept in a list; each holds one block. */
__attribute__((noinline)) static void many(void)
{
	for (int i = 0; i < 300000; i++) {
		void **head = malloc(40);
		*head = malloc(24);
		sink = head;
	}
	sink = 0;
}

/* Well below main's frame, so that scrub overwrites every word that leak left on the stack. */
__attribute__((noinline)) static void deep(int factor)
{
	volatile char gap[16384];

	gap[0] = 1;
	if (factor > 2)
		many();
	else
		leak(factor);
	gap[sizeof(gap) - 1] = 1;
}

__attribute__((noinline)) static void scrub(void)
{
	char pad[65536];

	memset(pad, 0, sizeof(pad));
	sink = pad;
	sink = 0;
}

int main(int argc, char **argv)
{
	(void)argv;
	deep(argc);
	scrub();
	abort();
}
C
compile prog prog.c -fno-optimize-sibling-calls
ok 'a core comes' kernel_core "$OUT/core" "$OUT/prog"
ok 'another core of the same program, with other addresses and counts' \
	kernel_core "$OUT/core2" "$OUT/prog" more
"$COREHEAP" leaks core --json >leaks.json
cat >check.py <<'PY'
import json
r = json.load(open("leaks.json"))
found = {f["size"]: f for f in r["findings"] if f["kind"] == "leak"}
def show(size):
    f = found.get(size)
    return f and (f["blocks"], f["held"]["blocks"], f["held"]["bytes"])
print("heads", show(200))
print("tree", show(376))
print("ring", show(88))
print("star", show(561136))
PY
python3 check.py >got
is 'heads of chains hold their chains' "$(sed -n 1p got)" 'heads (3, 300, 26400)'
is 'the root of a tree holds all of it' "$(sed -n 2p got)" 'tree (1, 37448, 14080448)'
is 'one block of a ring holds the others' "$(sed -n 3p got)" 'ring (1, 9, 792)'
is 'a wide star holds all points and what they hold' "$(sed -n 4p got)" 'star (1, 140000, 3360000)'
like 'text lists what is retained first' "$("$COREHEAP" leaks core | grep -A1 SIZE | tail -n 1)" \
	'^ +376 B +1 .* 37,448 '

fingerprints()
{
	"$COREHEAP" leaks "$1" --format csv | cut -d, -f2,7 | sort
}
is 'fingerprints are the same in another run' "$(fingerprints core)" "$(fingerprints core2)"
is 'the other run differs' "$("$COREHEAP" leaks core --json | grep -c '"example": ')" \
	"$("$COREHEAP" leaks core2 --json | grep -c '"example": ')"
not_ok 'addresses are not the same' sh -c "[ \"\$('$COREHEAP' leaks core --format csv | cut -d, -f10)\" = \
	\"\$('$COREHEAP' leaks core2 --format csv | cut -d, -f10)\" ]"
ok 'a core with 300000 heads comes' kernel_core "$OUT/core4" "$OUT/prog" many heads
is 'all of them hold theirs' "$("$COREHEAP" leaks core4 --format csv |
	awk -F, 'NR > 1 { print $3, $4, $5, $6, $7 }')" 'definite 300000 12000000 19200000 40'
cp prog other
ok 'a core of a program of another name' kernel_core "$OUT/core3" "$OUT/other"
is 'has other fingerprints for all' "$(comm -12 <(fingerprints core) <(fingerprints core3))" \
	'fingerprint,size'
plan_done
