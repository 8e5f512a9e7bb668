#!/usr/bin/env python3
"""Writes a core again with a program header for each page of memory, too many to be counted in 16 bits.

usage: xnum.py CORE OUT

CORE is a whole kernel core of x86-64. As the kernel does it (fs/binfmt_elf.c, fill_extnum_info): e_phnum
is PN_XNUM, and section header 0, the only one, at the file's end, has the count in its sh_info. What
is mapped and what is saved stays as it is. Prints the count.
"""
import struct
import sys

PN_XNUM, PT_LOAD, PAGE = 0xffff, 1, 4096
PHDR = struct.Struct('<IIQQQQQQ')  # type, flags, offset, vaddr, paddr, filesz, memsz, align


def pages(header):
    """-> [(flags, offset, address, saved)] of a PT_LOAD's pages"""
    _, flags, offset, address, _, filesz, memsz, _ = header
    return [(flags, offset + at if at < filesz else 0, address + at, min(PAGE, max(0, filesz - at)))
            for at in range(0, memsz, PAGE)]


def main():
    core = open(sys.argv[1], 'rb').read()
    phoff, = struct.unpack_from('<Q', core, 32)
    phnum, = struct.unpack_from('<H', core, 56)
    headers = [PHDR.unpack_from(core, phoff + PHDR.size * i) for i in range(phnum)]
    others = [h for h in headers if h[0] != PT_LOAD]
    loads = [page for h in headers if h[0] == PT_LOAD for page in pages(h)]
    count = len(others) + len(loads)
    if count <= PN_XNUM:
        sys.exit('%s has only %d pages' % (sys.argv[1], count))
    at = 64 + PHDR.size * count
    out = bytearray(core[:64])
    for kind, flags, offset, vaddr, paddr, filesz, memsz, align in others:
        out += PHDR.pack(kind, flags, at, vaddr, paddr, filesz, memsz, align)
        at += filesz
    at = first = (at + PAGE - 1) // PAGE * PAGE
    for flags, offset, address, saved in loads:
        out += PHDR.pack(PT_LOAD, flags, at, address, 0, saved, PAGE, PAGE)
        at += saved
    for header in others:
        out += core[header[2]:header[2] + header[5]]
    out += bytes(first - len(out))
    for _, offset, _, saved in loads:
        out += core[offset:offset + saved]
    struct.pack_into('<Q', out, 40, len(out))  # e_shoff
    struct.pack_into('<HHHHH', out, 54, PHDR.size, PN_XNUM, 64, 1, 0)  # e_phentsize to e_shstrndx
    struct.pack_into('<Q', out, 32, 64)  # e_phoff
    out += struct.pack('<IIQQQQIIQQ', 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
    with open(sys.argv[2], 'wb') as file:
        file.write(out)
    print(count)


main()
