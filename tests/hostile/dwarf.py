#!/usr/bin/env python3
"""Damages the debug information of an ELF file: bytes of its .debug_* sections are overwritten.

usage: dwarf.py FILE OUT SEED

Headers, code, symbols and the build-id stay, so that the file is still taken for the process's own.
"""
import random
import struct
import sys


def sections(raw):
    (shoff,) = struct.unpack_from("<Q", raw, 40)
    size, number, names = struct.unpack_from("<HHH", raw, 58)
    at = [struct.unpack_from("<IIQQQQ", raw, shoff + i * size) for i in range(number)]
    for name, _, _, _, offset, length in at:
        start = at[names][4] + name
        yield raw[start:raw.index(b"\0", start)].decode(), offset, length


def main():
    source, out, seed = sys.argv[1:]
    raw = bytearray(open(source, "rb").read())
    rng = random.Random(int(seed))
    wanted = [(o, n) for name, o, n in sections(bytes(raw)) if name.startswith(".debug_") and n]
    if not wanted:
        sys.exit(source + " has no debug information")
    info = [s for s in sections(bytes(raw)) if s[0] in (".debug_info", ".debug_abbrev")]
    for _ in range(rng.choice((1, 4, 30, 300))):
        if rng.random() < 0.7:
            _, offset, length = rng.choice(info)
        else:
            offset, length = rng.choice(wanted)
        at = offset + rng.randrange(length)
        n = min(rng.choice((1, 1, 1, 4, 8)), offset + length - at)
        kind = rng.randrange(3)
        raw[at:at + n] = (bytes(rng.randrange(256) for _ in range(n)) if kind == 0 else
                          b"\xff" * n if kind == 1 else b"\0" * n)
    open(out, "wb").write(raw)


main()
