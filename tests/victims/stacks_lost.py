#!/usr/bin/env python3
"""usage: stacks_lost.py CORE

Succeeds where the word that a thread's fs_base points to is not fs_base itself.

On x86-64 the word at fs_base holds fs_base, always; where it does not, the thread's block was not
saved, and its stack, which is in the same mapping, is missing too.
"""
import struct
import sys

PT_LOAD, PT_NOTE, NT_PRSTATUS, FS_BASE = 1, 4, 1, 112 + 21 * 8


def threads(notes):
    """-> fs_base of each thread"""
    at = 0
    while at + 12 <= len(notes):
        name, size, kind = struct.unpack_from('<III', notes, at)
        desc = at + 12 + (name + 3 & ~3)
        if kind == NT_PRSTATUS and size == 336:
            yield struct.unpack_from('<Q', notes, desc + FS_BASE)[0]
        at = desc + (size + 3 & ~3)


def main(path):
    with open(path, 'rb') as core:
        def read(at, size):
            core.seek(at)
            return core.read(size)

        header = read(0, 64)
        start, = struct.unpack_from('<Q', header, 32)
        count, = struct.unpack_from('<H', header, 56)
        segments = [struct.unpack('<IIQQQQQQ', read(start + i * 56, 56)) for i in range(count)]
        notes = next(read(s[2], s[5]) for s in segments if s[0] == PT_NOTE)
        bases = list(threads(notes))
        if not bases:
            sys.exit('%s: no threads in its notes' % path)
        for fs in bases:
            for kind, _, offset, address, _, filesz, _, _ in segments:
                if kind == PT_LOAD and address <= fs and fs + 8 <= address + filesz:
                    if struct.unpack('<Q', read(offset + fs - address, 8))[0] == fs:
                        break
            else:
                return 0
    return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
