#!/usr/bin/env python3
"""Makes a core claim terabytes that its file does not have: they are a hole of it.

usage: claims.py CORE OUT KIND

CORE is a whole kernel core of x86-64 whose biggest saved mapping is the heap. KIND: top, the top chunk of
the main arena claims them; block, a block in front of it does; blocks, a chain of them; scattered, a
mapping, and the main arena says that it has memory beside its own; data, a mapping of the first file.
"""
import struct
import sys

from files import FILESZ, MEMSZ, NT_FILE, OFFSET, PT_LOAD, VADDR, Core

CLAIM = 4 << 40  # bytes
BLOCK = 1 << 30  # of a chain of them
PLACE = 1 << 40  # address of what is made up
FLAGS = 4  # field of an Elf64_Phdr
PREV_INUSE = 1
TOP = 96  # offset of top in malloc_state (glibc 2.27 on), flags are at 4


class Claim:
    def __init__(self, core):
        self.core = core
        self.end = (len(core.out) + 4095) // 4096 * 4096
        self.size = self.end + CLAIM
        self.pieces = [(0, core.out)]  # what the file has, by offset
        self.heap = core.biggest()
        self.start, self.saved = core.get(self.heap + VADDR), core.get(self.heap + FILESZ)
        self.top_at, self.top, self.top_size = self.find_top()

    def find_top(self):
        """-> where the file has main_arena.top, its value, the chunk's size: it ends with the heap"""
        core, offset = self.core, self.core.get(self.heap + OFFSET)
        for header in core.headers(PT_LOAD):
            if header == self.heap:
                continue
            begin = core.get(header + OFFSET)
            for at in range(begin, begin + core.get(header + FILESZ) - 8, 8):
                top = core.get(at) - self.start
                if top % 16 == 0 and 0 <= top < self.saved - 16:
                    size = core.get(offset + top + 8) & ~7
                    if top + size == self.saved:
                        return at, top, size
        sys.exit('no top chunk')

    def move_heap(self):
        """The heap goes to the end of the file, and CLAIM bytes behind it."""
        offset = self.core.get(self.heap + OFFSET)
        heap = self.core.out[offset:offset + self.saved]
        self.core.put(self.heap + OFFSET, self.end)
        self.core.put(self.heap + FILESZ, self.saved + CLAIM)
        self.core.put(self.heap + MEMSZ, self.saved + CLAIM)
        self.size = self.end + self.saved + CLAIM
        self.pieces.append((self.end, heap))
        return heap

    def claim_top(self):
        struct.pack_into('<Q', self.move_heap(), self.top + 8, self.top_size + CLAIM | PREV_INUSE)

    def claim_blocks(self, each):
        struct.pack_into('<Q', self.move_heap(), self.top + 8, each | PREV_INUSE)
        for at in range(each, CLAIM + 1, each):
            size = each if at < CLAIM else self.top_size
            self.pieces.append((self.end + self.top + at, struct.pack('<QQ', 0, size | PREV_INUSE)))
        self.core.put(self.top_at, self.start + self.top + CLAIM)

    def map(self):
        """Of a mapping that is not saved a writable one that is."""
        header = next(a for a in range(self.core.phoff, self.core.phoff + 56 * self.core.phnum, 56)
                      if self.core.get(a) & 0xffffffff == PT_LOAD and not self.core.get(a + FILESZ))
        self.core.put(header + FLAGS, 6, '<I')
        for field, value in (OFFSET, self.end), (VADDR, PLACE), (FILESZ, CLAIM), (MEMSZ, CLAIM):
            self.core.put(header + field, value)

    def scatter(self):
        self.map()
        self.core.put(self.top_at - TOP + 4, 2, '<I')

    def name(self):
        self.map()
        entry = self.core.note(NT_FILE) + 12 + 8 + 16
        self.core.put(entry, PLACE)
        self.core.put(entry + 8, PLACE + CLAIM)


KINDS = {
    'top': Claim.claim_top,
    'block': lambda c: c.claim_blocks(CLAIM),
    'blocks': lambda c: c.claim_blocks(BLOCK),
    'scattered': Claim.scatter,
    'data': Claim.name,
}


def main():
    path, out, kind = sys.argv[1:]
    with open(path, 'rb') as file:
        claim = Claim(Core(file.read()))
    KINDS[kind](claim)
    with open(out, 'wb') as file:
        for offset, piece in claim.pieces:
            file.seek(offset)
            file.write(piece)
        file.truncate(claim.size)


main()
