#!/usr/bin/env bash
# Programs whose code or tables are damaged: leaks are told all the same, without a crash or a hang.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'
ok 'the victim builds' gcc -O2 -g -Wl,--build-id -o small "$SRC/tests/sites/small.c"
ok 'its core appears' kernel_core small.core env -i "$PWD/small"
mv small small.good
mkdir -p damaged root/"$PWD"
ok 'copies are damaged' python3 "$SRC/tests/sites/damage.py" small.good damaged
"$COREHEAP" leaks --json --no-cache --exe small.good small.core >good.json
is 'with the program as it was there are sites' \
	"$(python3 -c 'import json; print(any("site" in f or "site_candidates" in f
		for f in json.load(open("good.json"))["findings"]))')" True
"$COREHEAP" leaks --json --no-sites --exe small.good small.core >none.json
is '--no-sites infers none, and finds the same leaks' "$(python3 -c 'import json
told, good = (json.load(open(name)) for name in ("none.json", "good.json"))
print(any("site" in f or "site_candidates" in f for f in told["findings"]), told["leaks"] == good["leaks"])')" \
	'False True'
for file in damaged/*; do
	status=0
	timeout 60 "$COREHEAP" leaks --json --no-cache --exe "$file" small.core \
		>told.json 2>told.err || status=$?
	[ "$status" -eq 0 ] && python3 -c '
import json
told, good = (json.load(open(name))["leaks"] for name in ("told.json", "good.json"))
assert told == good' || status=1
	result "$status" "${file#damaged/}: the same leaks"
done

# What is wrong is told, with what it does and what helps; memory stays as it is.
python3 "$SRC/tests/hostile/binaries.py" small.good hostile cut-half text-file sections-at-header \
	section-size-odd huge-size-symtab no-entries-symtab debug-line-rows debug-packed-info-terabytes altlink-self
while read -r name words; do
	mv "hostile/$name" root/"$PWD/small"
	(ulimit -t 20; exec "$COREHEAP" leaks --json --no-cache --sysroot root small.core) >told.json 2>told.err
	is "$name: exit 0" $? 0
	like "$name: is told" "$(tr '\n' ' ' <told.err)" "$words"
done <<'END'
cut-half is not used: the file is cut off; get it again.*names in small are missing
text-file names in small are missing.*the file is no ELF file
sections-at-header small is not used: the file's section headers are damaged
section-size-odd small is damaged: its section headers have an unknown size; .* get it again
huge-size-symtab small is damaged: one of its sections lies outside of it;
no-entries-symtab small is damaged: a symbol table of it is none;
debug-line-rows line tables of .*small are damaged, or too large to be read: source lines are missing
debug-packed-info-terabytes small is not used: the file's compressed sections claim an absurd size;
altlink-self ^$
END
rm -rf root hostile

# The cache: what is damaged or another's is not used.
export XDG_CACHE_HOME=$PWD/cache
"$COREHEAP" leaks --json --exe small.good small.core >first.json
is 'the cache is for its owner alone' "$(stat -c %a cache/coreheap)" 700
ok 'something is kept' test -n "$(ls cache/coreheap)"
"$COREHEAP" leaks --json --exe small.good small.core >second.json
ok 'what was kept says the same' cmp first.json second.json
for file in cache/coreheap/*; do
	printf 'xxxx' | dd of="$file" bs=1 seek=100 conv=notrunc status=none
done
"$COREHEAP" leaks --json --exe small.good small.core >third.json
ok 'damaged, it is made anew' cmp first.json third.json
for file in cache/coreheap/*; do
	mv "$file" "$file.away" && ln -s "$file.away" "$file"
done
"$COREHEAP" leaks --json --exe small.good small.core >fourth.json
ok 'a link is not followed' cmp first.json fourth.json
chmod 777 cache/coreheap
"$COREHEAP" leaks --json --exe small.good small.core >fifth.json
ok 'a folder that others may write to is not used' cmp first.json fifth.json
rm -rf cache
"$COREHEAP" leaks --json --no-cache --exe small.good small.core >sixth.json
not_ok '--no-cache keeps nothing' test -e cache
plan_done
