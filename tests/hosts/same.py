"""Compares JSON reports but for what files of the host tell: same.py A B

That is names: where the input is, what is known of libc from its file, modules, functions and
lines, and warnings that they are missing. Prints the first difference.
"""
import json
import sys

NAMES = {
    "path", "warnings", "modules", "libc", "build_id", "function", "symbol", "frames", "file", "line",
    "stop", "offset", "where", "from", "version", "raw", "name",
}


def bare(x):
    if isinstance(x, dict):
        return {k: bare(v) for k, v in x.items() if k not in NAMES}
    return [bare(v) for v in x] if isinstance(x, list) else x


def differ(a, b, at="report"):
    if type(a) is type(b) and isinstance(a, dict):
        for k in sorted(set(a) | set(b)):
            if a.get(k) != b.get(k):
                return differ(a.get(k), b.get(k), f"{at}.{k}")
    if type(a) is type(b) and isinstance(a, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return differ(x, y, f"{at}[{i}]")
    return f"{at}: {a!r} and {b!r}"


a, b = (bare(json.load(open(name))) for name in sys.argv[1:])
print("the same" if a == b else differ(a, b))
