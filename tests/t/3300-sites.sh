#!/usr/bin/env bash
# Likely allocation sites against what a preloaded recorder of stacks saw.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
need_cmd addr2line

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
[ "$(uname -m)" = x86_64 ] || skip_all 'the code of x86-64 is read, this is another machine'
sites=$SRC/tests/sites
gcc -std=gnu11 -O2 -g -fPIC -shared -o stacks.so "$sites/stacks.c" -lpthread || exit 1

# site_test NAME FLOORS... : builds $source with $build to NAME, checks the sites in its core
site_test()
{
	local name=$1
	shift
	ok "$name: builds" $build -o "$name" "$sites/$source"
	ok "$name: its core appears" kernel_core "$name.core" env -i SITES_TRUTH="$PWD/$name.truth" \
		LD_PRELOAD="$PWD/stacks.so" "$PWD/$name"
	ok "$name: sites are right: $*" \
		python3 "$sites/check.py" "$COREHEAP" "$name.core" "$name.truth" "$PWD/$name" "$@"
	note "$(cat "$OUT/.ok.log")"
	rm -f "$name.truth"
}

source=small.c
build="gcc -O2 -g" site_test c-gcc-O2 'top1>=82' 'top3>=97' 'right>=95'
build="gcc -O0 -g" site_test c-gcc-O0 'top1>=82' 'top3>=97' 'right>=95'
build="clang -O2 -g" site_test c-clang-O2 'top1>=82' 'top3>=97' 'right>=95'
source=small.cc
build="g++ -O2 -g" site_test cc-gcc-O2 'top1>=80' 'top3>=92' 'right>=95'

# One judgement of a block, whoever asks: a finding of one block says what explain says of it.
cat >same.py <<'END'
import json, subprocess, sys
run = lambda *args: json.loads(subprocess.run((sys.argv[1],) + args, capture_output=True).stdout)
findings = run("leaks", "--json", "-n", "0", sys.argv[2])["findings"]
findings = [f for f in findings if f.get("blocks") == 1 and "example" in f]
alone = run("explain", "--json", sys.argv[2], *(f["example"] for f in findings))["explain"]
told = 0
for f, e in zip(findings, alone):
    likely = [c["site"] for c in e.get("site_candidates", []) if c["confidence"] >= 0.2]
    told += bool(likely)
    if f.get("site") != e.get("site") or (
            "site" not in f and f.get("site_candidates", []) != likely[:len(f.get("site_candidates", [])) or 1]):
        sys.exit("%s\n%s" % (f, e))
sys.exit(not told)
END
ok 'c-gcc-O2: leaks and explain say the same of a block' \
	python3 same.py "$COREHEAP" c-gcc-O2.core

# Where the kernel puts things differs from run to run, the program does not.
answers()
{
	"$COREHEAP" blocks --format=jsonl --state used "$1" |
		sed -E 's/"(address|reach|owner_address)": *"[^"]*",? *//g'
}
for program in c-gcc-O2 cc-gcc-O2; do
	answers "$program.core" >"$program.0"
	for i in 1 2 3 4; do
		kernel_core "$program.$i.core" env -i LD_PRELOAD="$PWD/stacks.so" "$PWD/$program" \
			>core.log 2>&1 || note "$(cat core.log)"
		answers "$program.$i.core" >"$program.$i"
		ok "$program: run $i has the same answers" diff "$program.0" "$program.$i"
	done
	ok "$program: these are answers" grep -q '"site_candidates"' "$program.0"
done
plan_done
