#!/usr/bin/env python3
"""alloc_type.py IN.s OUT.s FUNCTION=STRUCT...: what gcc -S -dA wrote, with the type that a function's
call of malloc allocates in the place of whom it calls: DW_AT_LLVM_alloc_type, as clang 22 has it.
"""
import re
import sys

wanted = dict(pair.split("=") for pair in sys.argv[3:])
lines = open(sys.argv[1]).read().split("\n")
head = re.compile(r"\(DIE \((0x[0-9a-f]+)\) (DW_TAG_\w+)\)")
named, at = {}, None
for line in lines:  # where the structs and malloc are
    m = head.search(line)
    at = m.groups() if m else at
    m = re.search(r'DW_AT_name: "(\w+)"', line)
    if m and at:
        named.setdefault((at[1], m[1]), at[0])
        at = None
malloc = named["DW_TAG_subprogram", "malloc"]
function = tag = None
told = 0
for i, line in enumerate(lines):
    m = head.search(line)
    if m:
        tag = m[2]
    elif "(TAG: " in line:
        tag = "abbreviation of " + line.split("(TAG: ")[1].rstrip(")")
    m = re.search(r'DW_AT_name: "(\w+)"', line)
    if m and tag == "DW_TAG_subprogram":
        function = m[1]
    if "DW_AT_call_origin" not in line:
        continue
    if tag == "abbreviation of DW_TAG_call_site":
        lines[i] = "\t.uleb128 0x3e0e\t# (DW_AT_LLVM_alloc_type)"
    elif tag == "DW_TAG_call_site" and line.split()[1] == malloc and function in wanted:
        lines[i] = "\t.long\t" + named["DW_TAG_structure_type", wanted[function]]
        told += 1
open(sys.argv[2], "w").write("\n".join(lines))
sys.exit(told != len(wanted))
