#!/usr/bin/env bash
# Types of a Rust program from debug information: what its vectors, queues, lists, optional boxes and
# counted references lead to. The victim says what each block is.
. "$(dirname "$0")/../lib.sh"
need_cmd rustc python3
reason=$(core_forbidden) && skip_all "$reason"

cat >plain.py <<'PY'
import re, sys
names = {"alloc::rc::RcInner": "RcInner", "alloc::rc::RcBox": "RcInner", "alloc::rc::Rc": "Rc",
         "alloc::boxed::Box": "Box"}
for line in sys.stdin:  # rust::Order is Order, alloc::rc::Rc<...>[] is Rc[]
    if '"type": "' in line:
        said = re.search(r'"type": "([^"]*)"', line).group(1)
        short = re.sub(r"^rust::", "", re.sub(r"<.*>", "", said)).rstrip(" *")
        array = "[]" if said.endswith("[]") else ""
        short = names.get(short.removesuffix("[]"), short.removesuffix("[]")) + array
        line = line.replace(f'"type": "{said}"', f'"type": "{short}"')
    sys.stdout.write(line)
PY
cat >plain.sh <<'SH'
#!/bin/sh
"$COREHEAP" "$@" | python3 plain.py
SH
chmod +x plain.sh

check()
{
	local name=$1
	shift
	rustc --crate-name rust -g "$@" -o victim "$SRC/tests/truth/rust.rs" 2>rustc.log || {
		skip "$name" 'rustc does not build it'
		return
	}
	ok "$name: a core" kernel_core core "$OUT/victim" "$OUT/truth" || return
	ok "$name: what the victim says" python3 "$SRC/tests/truth/asserted.py" ./plain.sh core truth \
		--all-of '^(Order|RcInner|Session\[\]|Rc\[\])$' --share 0.95
	note "$(grep -E '^(wrong|told)' "$OUT/.ok.log")"
}

check 'not optimized'
check 'optimized' -O
plan_done
