#!/usr/bin/env python3
"""Damages a core file itself, its headers and notes, in ways that have a name.

usage: files.py CORE FOLDER

CORE is a whole kernel core of x86-64. Writes FOLDER/NAME.zst for each damage. Needs zstd.
"""
import os
import random
import struct
import subprocess
import sys

PT_LOAD, PT_NOTE = 1, 4
OFFSET, VADDR, FILESZ, MEMSZ = 8, 16, 32, 40  # fields of an Elf64_Phdr
NT_FILE = 0x46494c45


class Core:
    """The bytes of a core, and where its program headers and notes are."""

    def __init__(self, whole):
        self.out = bytearray(whole)
        self.phoff, = struct.unpack_from('<Q', whole, 32)
        self.phnum, = struct.unpack_from('<H', whole, 56)

    def headers(self, kind):
        """-> file offsets of the program headers of a kind, those without saved bytes left out"""
        at = [self.phoff + 56 * i for i in range(self.phnum)]
        return [a for a in at if struct.unpack_from('<I', self.out, a)[0] == kind and
                self.get(a + FILESZ)]

    def get(self, at):
        return struct.unpack_from('<Q', self.out, at)[0]

    def put(self, at, value, form='<Q'):
        struct.pack_into(form, self.out, at, value)

    def notes(self):
        """-> (offset, size) of all notes"""
        at = self.headers(PT_NOTE)[0]
        return self.get(at + OFFSET), self.get(at + FILESZ)

    def note(self, kind):
        """-> offset of a note's head"""
        at, size = self.notes()
        end = at + size
        while at < end:
            name, desc, this = struct.unpack_from('<III', self.out, at)
            if this == kind:
                return at
            at += 12 + (name + 3) // 4 * 4 + (desc + 3) // 4 * 4
        sys.exit('no note %#x' % kind)

    def biggest(self):
        """-> the header of the biggest saved mapping: the heap"""
        return max(self.headers(PT_LOAD), key=lambda a: self.get(a + FILESZ))


def cut(length):
    def damage(c):
        del c.out[length(c) if callable(length) else length:]
    return damage


def field(at, form, value):
    def damage(c):
        c.put(at, value, form)
    return damage


def text(c):
    c.out[:] = b'#!/bin/sh\necho no core\n'


def overlap_twice(c):
    first, second = c.headers(PT_LOAD)[:2]
    c.put(second + VADDR, c.get(first + VADDR))


def overlap_partly(c):
    heap = c.biggest()
    other = next(a for a in reversed(c.headers(PT_LOAD)) if a != heap)
    c.put(other + VADDR, c.get(heap + VADDR) + c.get(heap + MEMSZ) - 4096)


def header_field(pick, offset, value):
    def damage(c):
        c.put(pick(c) + offset, value)
    return damage


def reversed_headers(c):
    heads = [bytes(c.out[c.phoff + 56 * i:c.phoff + 56 * (i + 1)]) for i in range(c.phnum)]
    c.out[c.phoff:c.phoff + 56 * c.phnum] = b''.join(reversed(heads))


def headers_zeroed(c):
    c.out[c.phoff:c.phoff + 56 * c.phnum] = bytes(56 * c.phnum)


def notes_garbage(c):
    at, size = c.notes()
    c.out[at:at + size] = random.Random(1).randbytes(size)


def notes_gone(c):
    c.put(c.headers(PT_NOTE)[0] + FILESZ, 0)


def note_size(kind, field_at, value):
    def damage(c):
        c.put(c.note(kind) + field_at, value, '<I')
    return damage


def file_count(c):
    c.put(c.note(NT_FILE) + 20, 1 << 60)


def file_names_endless(c):
    at = c.note(NT_FILE)
    size, = struct.unpack_from('<I', c.out, at + 4)
    count = c.get(at + 20)
    names = at + 20 + 16 + 24 * count
    end = at + 20 + size
    c.out[names:end] = b'/' * (end - names)


def first_load(c):
    return c.headers(PT_LOAD)[0]


def the_notes(c):
    return c.headers(PT_NOTE)[0]


DAMAGES = {
    'empty': cut(0),
    'text': text,
    'magic-only': cut(4),
    'elf-header-cut': cut(63),
    'elf-header-only': cut(64),
    'program-headers-cut': cut(lambda c: c.phoff + 56 * (c.phnum // 2) + 20),
    'notes-cut': cut(lambda c: c.notes()[0] + 1000),
    'heap-cut': cut(lambda c: c.get(c.biggest() + OFFSET) + c.get(c.biggest() + FILESZ) // 2),
    'last-page-cut': cut(-4096),
    'class-none': field(4, '<B', 0),
    'big-endian': field(5, '<B', 2),
    'executable': field(16, '<H', 2),
    'machine-unknown': field(18, '<H', 0xfeed),
    'phoff-huge': field(32, '<Q', 1 << 63),
    'phoff-in-data': field(32, '<Q', 40000),
    'phentsize-0': field(54, '<H', 0),
    'phnum-0': field(56, '<H', 0),
    'phnum-huge': field(56, '<H', 0xfffe),
    'phnum-extended': field(56, '<H', 0xffff),
    'headers-zeroed': headers_zeroed,
    'headers-reversed': reversed_headers,
    'overlap-twice': overlap_twice,
    'overlap-partly': overlap_partly,
    'heap-filesz-huge': header_field(Core.biggest, FILESZ, (1 << 64) - 1),
    'heap-memsz-0': header_field(Core.biggest, MEMSZ, 0),
    'heap-memsz-huge': header_field(Core.biggest, MEMSZ, 0xce000000000d5000),
    'heap-vaddr-wraps': header_field(Core.biggest, VADDR, (1 << 64) - 8192),
    'heap-offset-beyond': header_field(Core.biggest, OFFSET, 1 << 40),
    'first-offset-huge': header_field(first_load, OFFSET, (1 << 64) - 4096),
    'notes-filesz-huge': header_field(the_notes, FILESZ, 1 << 62),
    'notes-garbage': notes_garbage,
    'notes-gone': notes_gone,
    'note-name-huge': note_size(1, 0, 0xfffffffc),
    'note-desc-huge': note_size(1, 4, 0xffffffff),
    'note-desc-short': note_size(1, 4, 8),
    'file-note-count-huge': file_count,
    'file-names-endless': file_names_endless,
}


def main(args):
    if len(args) != 2:
        sys.exit(__doc__)
    with open(args[0], 'rb') as file:
        whole = file.read()
    os.makedirs(args[1], exist_ok=True)
    for name, damage in DAMAGES.items():
        core = Core(whole)
        damage(core)
        path = os.path.join(args[1], name + '.zst')
        subprocess.run(['zstd', '-q', '-19', '-f', '-o', path], input=core.out, check=True)


if __name__ == '__main__':
    main(sys.argv[1:])
