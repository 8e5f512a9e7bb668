#!/usr/bin/env bash
# Types of C++ programs: the victim says what each block is, built by both compilers, with and
# without optimization, stripped or not.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd g++
reason=$(core_forbidden) && skip_all "$reason"

check()
{
	local name=$1 all=${2:-.}
	kernel_core "$name.core" "$OUT/$name" "$OUT/truth" 60
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" "$COREHEAP" "$name.core" \
		truth --all-of "$all"
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
	rm -f core*
}

# Peers: as many as the list of blocks has of this type.
check_peers()
{
	local address=$1
	"$COREHEAP" explain "$2" "$address" --json -q | python3 -c 'import csv, json, sys
address, core, rows = sys.argv[1:]
e = json.load(sys.stdin)["explain"][0]
rows = list(csv.DictReader(open(rows)))
me = next(r for r in rows if r["address"] == address)
like = [r for r in rows if r["type"] == me["type"] and r["address"] != address]
leaked = sum(r["reach"] in ("definite", "indirect") for r in like)
p = e["peers"]
print(me["type"], p["by"], len(like) > 10, p["blocks"] == len(like), p["leaked"] == leaked,
      p["examples"] == [r["address"] for r in like][:4])' "$address" "$2" blocks.csv
}

for cxx in g++ clang++; do
	if ! command -v $cxx >/dev/null; then
		skip "$cxx" 'not installed'
		continue
	fi
	for o in O0 O2; do
		$cxx -g -$o -o "$cxx-$o" "$SRC/tests/truth/classes.cc" || exit 1
		check "$cxx-$o"
	done
	"$COREHEAP" blocks "$cxx-O2.core" --format csv >blocks.csv
	is "$cxx: peers" "$(check_peers "$(awk '$2 == "Late" { print $1; exit }' truth)" "$cxx-O2.core")" \
		'Late type True True True True'
	strip -o "$cxx-stripped" "$cxx-O2"
	check "$cxx-stripped"
done
if g++ -O2 -static -s -o static "$SRC/tests/truth/classes.cc" 2>/dev/null; then
	check static
else
	skip 'static: what the victim says' 'no static libraries'
fi
g++ -O2 -D_GLIBCXX_USE_CXX11_ABI=0 -o counted "$SRC/tests/truth/classes.cc" || exit 1
check counted '^(?!std::list)' # whose owner has no count
if clang++ -O2 -stdlib=libc++ -o libc++ "$SRC/tests/truth/classes.cc" 2>/dev/null; then
	check libc++
else
	skip 'libc++: what the victim says' 'libc++ is not installed'
fi

# What std::function and std::any keep, by the names of the functions that they call.
cat >targets.cc <<'CC'
#include <any>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>

struct Record { long v[6]; };
struct Other { long v[6]; };
struct Holder { std::function<long(int)> f; std::any a; };
static Holder *all[120];
static void *last; /* that operator new returned */

void *operator new(size_t n) { return last = malloc(n); }
void operator delete(void *p) noexcept { free(p); }
void operator delete(void *p, size_t) noexcept { free(p); }

int main(int, char **argv)
{
	FILE *truth = std::fopen(argv[1], "w");

	for (int i = 0; i < 120; i++) {
		Record r{{i, 1, 2, 3, 4, 5}};
		Other o{{i, 1, 2, 3, 4, 5}};

		all[i] = new Holder;
		if (i % 2)
			all[i]->f = [r](int x) { return r.v[0] + x; };
		else
			all[i]->f = [o](int x) { return o.v[1] * x; };
		std::fprintf(truth, "%p\tmain::{lambda(int)#%d}\n", last, 2 - i % 2);
		if (i % 3)
			all[i]->a = r;
		else
			all[i]->a = o;
		std::fprintf(truth, "%p\t%s\n", last, i % 3 ? "Record" : "Other");
	}
	std::fclose(truth);
	abort();
}
CC
if g++ -std=c++17 -O2 -o targets targets.cc 2>/dev/null; then
	check targets
else
	skip 'targets: what the victim says' 'g++ has no C++17'
fi
plan_done
