#!/usr/bin/env python3
"""Are variables named as the victim says?

usage: variables.py COREHEAP CORE TRUTH

The vtable pointer's member is named _vptr.base by gcc, _vptr$base by clang: what follows `_vptr` is
not compared.
"""
import json
import re
import subprocess
import sys


def main():
    coreheap, core, truth = sys.argv[1:]
    said = [line.rstrip("\n").split(" ", 1) for line in open(truth) if line.startswith("0x")]
    if len(said) < 8:
        sys.exit(f"{truth} has {len(said)} lines: the victim did not get far")
    text = subprocess.run([coreheap, "explain", "--json", core] + [at for at, name in said],
                          check=True, stdout=subprocess.PIPE).stdout
    wrong = 0
    for (at, name), entry in zip(said, json.loads(text)["explain"]):
        got = re.sub(r"_vptr[.$]\w+", "_vptr", entry.get("variable", "nothing"))
        if got != name:
            wrong += 1
            print(f"{at} is {name}, and was called {got}: {entry['where']}")
    sys.exit(1 if wrong else 0)


main()
