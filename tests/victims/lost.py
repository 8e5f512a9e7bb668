#!/usr/bin/env python3
"""usage: lost.py CORE

Prints what check.py has to be told of roots that CORE lost: nothing, --weak or --no-vectors.

--weak: the word that a thread's fs_base points to is not fs_base itself. On x86-64 it always is;
where it is not, the thread's block was not saved, and its stack, which is in the same mapping, is
missing too. i386 has no such register in gdb's cores: there the stack pointers tell, whose words would
be there. --no-vectors: no note has vector registers, as in cores that qemu-user writes.
"""
import struct
import sys

PT_LOAD, PT_NOTE, NT_PRSTATUS, NT_FPREGSET, NT_XSTATE, FS_BASE = 1, 4, 1, 2, 0x202, 112 + 21 * 8
EM_386, EM_X86_64, ESP = 3, 62, 72 + 15 * 4


def note_list(notes):
    """-> (type, descriptor) of each"""
    at = 0
    while at + 12 <= len(notes):
        name, size, kind = struct.unpack_from('<III', notes, at)
        desc = at + 12 + (name + 3 & ~3)
        yield kind, notes[desc:desc + size]
        at = desc + (size + 3 & ~3)


def empty(read, segments, at):
    """Is what is saved at and behind this address nothing but zeroes, or nothing?"""
    for kind, _, offset, address, _, filesz, _, _ in segments:
        if kind == PT_LOAD and address <= at < address + filesz:
            return not any(read(offset + at - address, min(256, address + filesz - at)))
    return True


def lost(path):
    with open(path, 'rb') as core:
        def read(at, size):
            core.seek(at)
            return core.read(size)

        header = read(0, 64)
        machine, = struct.unpack_from('<H', header, 18)
        half = machine == EM_386
        start, = struct.unpack_from('<I' if half else '<Q', header, 28 if half else 32)
        count, = struct.unpack_from('<H', header, 44 if half else 56)
        if half:  # type, offset, vaddr, paddr, filesz, memsz, flags, align
            raw = [struct.unpack('<8I', read(start + i * 32, 32)) for i in range(count)]
            segments = [(p[0], p[6], *p[1:6], p[7]) for p in raw]
        else:
            segments = [struct.unpack('<IIQQQQQQ', read(start + i * 56, 56)) for i in range(count)]
        notes = list(note_list(next(read(s[2], s[5]) for s in segments if s[0] == PT_NOTE)))
        threads = [desc for kind, desc in notes if kind == NT_PRSTATUS]
        if not threads:
            sys.exit('%s: no threads in its notes' % path)
        if not any(kind in (NT_FPREGSET, NT_XSTATE) for kind, _ in notes):
            return '--no-vectors'
        if half:
            return '--weak' if all(empty(read, segments, struct.unpack_from('<I', desc, ESP)[0])
                                   for desc in threads[1:]) else ''
        if machine != EM_X86_64:
            return ''
        for fs in (struct.unpack_from('<Q', desc, FS_BASE)[0] for desc in threads):
            for kind, _, offset, address, _, filesz, _, _ in segments:
                if kind == PT_LOAD and address <= fs and fs + 8 <= address + filesz:
                    if struct.unpack('<Q', read(offset + fs - address, 8))[0] == fs:
                        break
            else:
                return '--weak'
    return ''


if __name__ == '__main__':
    print(lost(sys.argv[1]))
