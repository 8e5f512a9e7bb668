#!/usr/bin/env python3
"""damage.py PROGRAM FOLDER: copies of a program with the same build-id that are damaged where code is
looked for: unwind tables, symbols, relocations, program headers, and the code itself."""
import os
import random
import struct
import sys


def main():
    data = open(sys.argv[1], "rb").read()
    out = sys.argv[2]
    shoff, = struct.unpack_from("<Q", data, 40)
    phoff, = struct.unpack_from("<Q", data, 32)
    phnum, = struct.unpack_from("<H", data, 56)
    shnum, shstr = struct.unpack_from("<HH", data, 60)
    sections = {}
    names, = struct.unpack_from("<Q", data, shoff + 64 * shstr + 24)
    for i in range(shnum):
        name, _, _, _, offset, size = struct.unpack_from("<IIQQQQ", data, shoff + 64 * i)
        end = data.index(b"\0", names + name)
        sections[data[names + name:end].decode()] = (i, offset, size)

    def save(name, copy):
        path = os.path.join(out, name)
        with open(path, "wb") as f:
            f.write(copy)

    def filled(section, make):
        _, offset, size = sections[section]
        copy = bytearray(data)
        copy[offset:offset + size] = make(size)
        return copy

    chance = random.Random(4)
    noise = lambda n: bytes(chance.randrange(256) for _ in range(n))
    for section in (".eh_frame", ".eh_frame_hdr", ".dynsym", ".dynstr", ".rela.plt", ".rela.dyn",
                    ".symtab", ".strtab", ".dynamic", ".text", ".plt.sec", ".plt"):
        if section in sections:
            save("noise" + section, filled(section, noise))
            save("ones" + section, filled(section, lambda n: b"\xff" * n))
    # Control that goes nowhere: jumps to themselves, to the next and back, calls of everything.
    for name, unit in (("spin", b"\xeb\xfe"), ("pairs", b"\xeb\x00\xeb\xfc"), ("back", b"\x74\xf0\x75\x10"),
                       ("calls", b"\xe8\x00\x00\x00\x00"), ("cut", b"\x48\x0f")):
        save(name + ".text", filled(".text", lambda n: (unit * n)[:n]))
    # One function that covers everything, many times over.
    _, offset, size = sections[".eh_frame"]
    copy = bytearray(data)
    cie, = struct.unpack_from("<I", data, offset)
    at = offset + 4 + cie
    while at + 24 <= offset + size:
        struct.pack_into("<IIiI", copy, at, 20, at + 4 - offset, -0x1000, 0x7fffffff)
        at += 24
    save("wide.eh_frame", copy)
    # Sections and segments that are larger than anything.
    for name in (".symtab", ".dynsym", ".strtab"):
        i = sections[name][0] if name in sections else 0
        copy = bytearray(data)
        struct.pack_into("<Q", copy, shoff + 64 * i + 32, 1 << 62)
        save("huge" + name, copy)
    for i in range(phnum):
        copy = bytearray(data)
        kind, = struct.unpack_from("<I", data, phoff + 56 * i)
        if kind in (4, 1):
            continue  # notes carry the build-id; a file that is cut off is another test's
        struct.pack_into("<Q", copy, phoff + 56 * i + 32, 1 << 62)
        save("huge-segment-%d" % i, copy)
        struct.pack_into("<QQ", copy, phoff + 56 * i + 8, 1 << 63, 1 << 63)
        save("far-segment-%d" % i, copy)


main()
