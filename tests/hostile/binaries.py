#!/usr/bin/env python3
"""Damages executables and libraries: named damages of their headers, tables and code, and random ones.

usage: binaries.py FILE FOLDER [NAME...]	writes FOLDER/NAME for each damage, or for those named

The build-id stays in most, so that the file is still taken for the one that the process had mapped.
"""
import os
import random
import struct
import sys

import debuginfo
from elfedit import ADDR, ALIGN, ENTSIZE, FLAGS, INFO, LINK, NAME, OFFSET, SHDR, SIZE, TYPE, Elf

HUGE = (0, 1, 7, 0x7fffffff, 0xffffffff, 1 << 42, 1 << 62, 1 << 63, (1 << 64) - 4096, (1 << 64) - 1)
LOAD, DYNAMIC, NOTE = 1, 2, 4


def cut(part):
    def damage(elf):
        del elf.out[int(len(elf.out) * part):]
    return damage


def cut_at_section(name):
    def damage(elf):
        if elf.has(name):
            del elf.out[elf.get(name, OFFSET) + elf.get(name, SIZE) // 2:]
    return damage


def cut_unseen(name):
    """Half of a section is gone, and the headers still fit the file: they were moved to its front."""
    def damage(elf):
        if elf.has(name):
            elf.put(name, OFFSET, len(elf.out) - elf.get(name, SIZE) // 2)
    return damage


def field(at, form, value):
    def damage(elf):
        struct.pack_into(form, elf.out, at, value)
    return damage


def section(name, which, value):
    def damage(elf):
        if elf.has(name):
            elf.put(name, which, value)
    return damage


def loads(at, value):
    def damage(elf):
        for head in elf.segments(LOAD):
            struct.pack_into('<Q', elf.out, head + at, value)
    return damage


def noise(name, make=None):
    def damage(elf):
        if elf.has(name):
            size = elf.get(name, SIZE)
            elf.overwrite(name, make(size) if make else random.Random(name).randbytes(size))
    return damage


def symbols(form, at, value, step=1):
    """One field of every symbol of both tables."""
    def damage(elf):
        for name in ('.symtab', '.dynsym'):
            if elf.has(name):
                for i in range(1, elf.get(name, SIZE) // 24, step):
                    struct.pack_into(form, elf.out, elf.get(name, OFFSET) + 24 * i + at, value)
    return damage


def symbols_shuffled(elf):
    """Names that lie: each symbol has another's."""
    for name in ('.symtab', '.dynsym'):
        if elf.has(name):
            at, count = elf.get(name, OFFSET), elf.get(name, SIZE) // 24
            names = [struct.unpack_from('<I', elf.out, at + 24 * i)[0] for i in range(count)]
            random.Random(1).shuffle(names)
            for i in range(count):
                struct.pack_into('<I', elf.out, at + 24 * i, names[i])


def symbols_malloc(elf):
    """Every function is called malloc."""
    if elf.has('.symtab'):
        names = elf.content('.strtab') + b'malloc\0'
        elf.replace('.strtab', names)
        at = elf.get('.symtab', OFFSET)
        for i in range(1, elf.get('.symtab', SIZE) // 24):
            if elf.out[at + 24 * i + 4] & 15 == 2:
                struct.pack_into('<I', elf.out, at + 24 * i, len(names) - 7)


def symbols_many(elf):
    """Two million of them at one address."""
    if elf.has('.symtab'):
        one = struct.pack('<IBBHQQ', 1, 2, 0, 1, elf.get('.text', ADDR), 1 << 62)
        elf.replace('.symtab', elf.content('.symtab') + one * 2000000)


def symbols_named(name):
    def damage(elf):
        if elf.has('.symtab'):
            names = elf.content('.strtab')
            elf.replace('.strtab', names + name + b'\0')
            symbols('<I', 0, len(names))(elf)
    return damage


def strings_unended(elf):
    for name in ('.strtab', '.dynstr'):
        if elf.has(name):
            elf.overwrite(name, b'A' * elf.get(name, SIZE))


def frames(make):
    """.eh_frame is something else; the table in front of it still tells the old places."""
    def damage(elf):
        elf.replace('.eh_frame', make(elf))
        for head in elf.segments(0x6474e550):  # PT_GNU_EH_FRAME
            struct.pack_into('<I', elf.out, head, 0)
    return damage


def cie(augmentation=b'zR\0', data=b'\x1b', code=b''):
    body = struct.pack('<IB', 0, 1) + augmentation + b'\x01\x78\x10' + bytes([len(data)]) + data + code
    body += b'\0' * (-len(body) % 8 + 4)
    return struct.pack('<I', len(body)) + body


def fde(at, start, size, code=b''):
    """at: where it lies in the section, whose first entry is its CIE; start: from that place on"""
    body = struct.pack('<IiI', at + 4, start, size) + b'\0' + code
    body += b'\0' * (-len(body) % 8 + 4)
    return struct.pack('<I', len(body)) + body


def frames_many(count, size):
    def make(elf):
        out = bytearray(cie())
        for i in range(count):
            out += fde(len(out), -0x1000 + 16 * i, size)
        return bytes(out) + bytes(4)
    return make


def frames_program(code):
    def make(elf):
        head = cie()
        return head + fde(len(head), -(1 << 30), (1 << 31) - 1, code) + bytes(4)
    return make


def frames_covering(elf):
    """One call-frame program over all of .text that never ends to remember states."""
    head = cie(code=b'\x0a' * 2000000)
    return head + fde(len(head), -(1 << 30), (1 << 31) - 1, b'\x0a' * 2000000) + bytes(4)


def note(content):
    """The build-id's note."""
    def damage(elf):
        elf.overwrite('.note.gnu.build-id', content)
    return damage


def twice(elf):
    """A second build-id, in front of the right one."""
    for head in elf.segments(NOTE):
        struct.pack_into('<QQ', elf.out, head + 32, 36, 36)
        offset = len(elf.out)
        elf.out += struct.pack('<III', 4, 20, 3) + b'GNU\0' + b'\xaa' * 20
        struct.pack_into('<Q', elf.out, head + 8, offset)


def dynamic(tag, value):
    def damage(elf):
        if elf.has('.dynamic'):
            at = elf.get('.dynamic', OFFSET)
            for i in range(elf.get('.dynamic', SIZE) // 16):
                if tag is None or struct.unpack_from('<Q', elf.out, at + 16 * i)[0] == tag:
                    struct.pack_into('<Q', elf.out, at + 16 * i + 8, value)
    return damage


def link(content):
    def damage(elf):
        elf.replace('.gnu_debuglink', content)
    return damage


def altlink(name):
    """Debug information that is shared with a file of this very build-id: itself."""
    def damage(elf):
        elf.replace('.gnu_debugaltlink', name + b'\0' + elf.content('.note.gnu.build-id')[16:])
    return damage


CODE = {'spin': b'\xeb\xfe', 'pairs': b'\xeb\x00\xeb\xfc', 'back': b'\x74\xf0\x75\x10',
        'calls': b'\xe8\0\0\0\0', 'recursive': b'\xe8\xfb\xff\xff\xff', 'prefixes': b'\x66',
        'cut': b'\x48\x0f', 'table': b'\x48\x63\x04\x82\x48\x01\xd0\xff\xe0', 'ret': b'\xc3',
        'forward': b'\x0f\x84\x10\0\0\0', 'far': b'\xe9\xff\xff\xff\x7f', 'push': b'\x50'}
DAMAGES = {
    'cut-half': cut(0.5),
    'cut-tenth': cut(0.1),
    'cut-to-nothing': cut(0),
    'cut-last-byte': lambda elf: elf.out.pop(),
    'text-file': lambda elf: elf.out.__setitem__(slice(None), b'#!/bin/sh\nexec true\n'),
    'big-endian': field(5, '<B', 2),
    'class-32': field(4, '<B', 1),
    'machine-other': field(18, '<H', 183),
    'machine-unknown': field(18, '<H', 0xfeed),
    'relocatable': field(16, '<H', 1),
    'sections-at-huge': field(40, '<Q', 1 << 62),
    'sections-at-0': field(40, '<Q', 0),
    'sections-at-header': field(40, '<Q', 16),
    'sections-none': field(60, '<H', 0),
    'sections-many': field(60, '<H', 0xfeff),
    'sections-extended': field(60, '<HH', 0) if False else field(60, '<I', 0xffff0000),
    'section-size-odd': field(58, '<H', 1),
    'section-names-self': field(62, '<H', 1),
    'section-names-beyond': field(62, '<H', 0xfff0),
    'segments-none': field(56, '<H', 0),
    'segments-many': field(56, '<H', 0xfffe),
    'segments-at-huge': field(32, '<Q', 1 << 62),
    'loads-size-huge': loads(32, 1 << 62),
    'loads-memory-huge': loads(40, 1 << 62),
    'loads-address-huge': loads(16, (1 << 64) - 4096),
    'loads-offset-0': loads(8, 0),
    'symbols-name-beyond': symbols('<I', 0, 0xfffffff0),
    'symbols-section-beyond': symbols('<H', 6, 0xfe00),
    'symbols-section-extended': symbols('<H', 6, 0xffff),
    'symbols-everywhere': symbols('<QQ'[:2], 16, (1 << 64) - 1),
    'symbols-address-huge': symbols('<Q', 8, (1 << 64) - 8),
    'symbols-one-address': symbols('<Q', 8, 0x1100),
    'symbols-thread-local': symbols('<B', 4, 6),
    'symbols-ifunc': symbols('<B', 4, 10),
    'symbols-data': symbols('<B', 4, 1),
    'symbols-shuffled': symbols_shuffled,
    'symbols-malloc': symbols_malloc,
    'symbols-many': symbols_many,
    'symbols-wild': symbols_named(b'\x1b]0;owned\x07\x1b[2J\xff\n"<b>'),
    'symbols-mangled': symbols_named(b'_Z' + b'1aIS' * 30000),
    'symbols-nested': symbols_named(b'_ZN' + b'S0_I' * 50000 + b'E'),
    'symbols-long': symbols_named(b'n' * (16 << 20)),
    'strings-unended': strings_unended,
    'frames-many': frames(frames_many(1000000, 16)),
    'frames-overlapping': frames(frames_many(200000, 0x7fffffff)),
    'frames-empty': frames(frames_many(200000, 0)),
    'frames-remembering': frames(frames_covering),
    'frames-expression-loop': frames(frames_program(b'\x0f\x05\x30\x2f\xfc\xff\0')),
    'frames-expression-self': frames(frames_program(b'\x0f\x03\x2f\xfd\xff')),
    'frames-advancing': frames(frames_program(b'\x41' * 2000000)),
    'frames-augmented': frames(lambda elf: cie(b'z' + b'RPLS' * 50 + b'\0', b'\x9b' * 100)),
    'frames-indirect': frames(lambda elf: cie(b'zPLR\0', b'\x9b\0\0\0\0\x9b\x9b')),
    'frames-own-cie': frames(lambda elf: struct.pack('<IIIII', 16, 4, 4, 4, 4) * 1000),
    'frames-huge-length': frames(lambda elf: struct.pack('<I', 0xfffffff0) + b'x' * 100),
    'frames-64': frames(lambda elf: struct.pack('<IQ', 0xffffffff, 1 << 63) + b'x' * 100),
    'frames-64m': frames(lambda elf: cie() + b'\x10\0\0\0' * (16 << 20)),
    'note-size-0': note(struct.pack('<III', 4, 0, 3)),
    'note-size-huge': note(struct.pack('<III', 4, 0xffffffff, 3)),
    'note-name-huge': note(struct.pack('<III', 0xffffffff, 20, 3)),
    'note-other-id': note(struct.pack('<III', 4, 20, 3) + b'GNU\0' + b'\xaa' * 20),
    'note-other-kind': note(struct.pack('<III', 4, 20, 5)),
    'note-twice': twice,
    'dynamic-all-huge': dynamic(None, 1 << 62),
    'dynamic-symbols': dynamic(6, (1 << 64) - 24),
    'dynamic-hash': dynamic(0x6ffffef5, 0),
    'debuglink-unended': link(b'A' * 4096),
    'debuglink-slashes': link(b'../../../../etc/passwd\0\0\0\0\0\0'),
    'debuglink-empty': link(b''),
    'altlink-self': altlink(b'/proc/self/exe'),
    'altlink-zero': altlink(b'/dev/zero'),
    'altlink-unended': lambda elf: elf.replace('.gnu_debugaltlink', b'A' * 100),
}
SECTIONS = ('.eh_frame', '.eh_frame_hdr', '.dynsym', '.dynstr', '.rela.plt', '.rela.dyn', '.symtab', '.strtab',
            '.dynamic', '.text', '.plt', '.plt.sec', '.rodata', '.gnu.hash', '.shstrtab', '.data.rel.ro',
            '.note.gnu.build-id', '.debug_info', '.debug_abbrev', '.debug_line', '.debug_str', '.debug_line_str',
            '.debug_rnglists', '.debug_loclists', '.debug_aranges')
for _name in SECTIONS:
    _stem = _name[1:].replace('.', '-').replace('_', '-')
    DAMAGES['noise-' + _stem] = noise(_name)
    DAMAGES['ones-' + _stem] = noise(_name, lambda n: b'\xff' * n)
    DAMAGES['zeroes-' + _stem] = noise(_name, bytes)
    DAMAGES['cut-in-' + _stem] = cut_at_section(_name)
    DAMAGES['ended-' + _stem] = cut_unseen(_name)
    for _field, _number in (('size', SIZE), ('offset', OFFSET), ('address', ADDR), ('entries', ENTSIZE)):
        DAMAGES['huge-%s-%s' % (_field, _stem)] = section(_name, _number, 1 << 62)
    DAMAGES['no-entries-' + _stem] = section(_name, ENTSIZE, 0)
    DAMAGES['link-' + _stem] = section(_name, LINK, 0xffffff)
    DAMAGES['nobits-' + _stem] = section(_name, TYPE, 8)
    DAMAGES['packed-' + _stem] = section(_name, FLAGS, 0x800)
for _name, _unit in CODE.items():
    DAMAGES['code-' + _name] = noise('.text', lambda n, unit=_unit: (unit * n)[:n])
for _name, _damage in debuginfo.DAMAGES.items():
    DAMAGES['debug-' + _name] = _damage


def value(old, rng):
    return rng.choice((rng.choice(HUGE), old ^ 1 << rng.randrange(64), rng.randrange(1 << 64),
                       old + rng.choice((-24, -8, -1, 1, 8, 4096)))) % (1 << 64)


def headers(elf, rng):
    """Fields of the ELF header, the program headers or the section headers; the notes are left alone."""
    for _ in range(rng.choice((1, 2, 8))):
        i = rng.randrange(elf.shnum)
        where = rng.choice((rng.randrange(4, 64), elf.shoff + 64 * i + rng.randrange(64),
                            elf.phoff + 56 * rng.randrange(elf.phnum) + rng.randrange(56)))
        elf.out[where] = rng.randrange(256)


def section_field(elf, rng):
    name = rng.choice([n for n in elf.index if n])
    which = rng.choice((NAME, TYPE, FLAGS, ADDR, OFFSET, SIZE, LINK, INFO, ALIGN, ENTSIZE))
    wide = which not in (NAME, TYPE, LINK, INFO)
    elf.put(name, which, value(elf.get(name, which), rng) & ((1 << 64) - 1 if wide else (1 << 32) - 1))


def within(names):
    """Bytes of some of these sections."""
    def damage(elf, rng):
        here = [n for n in names if elf.has(n) and elf.get(n, SIZE) and elf.get(n, TYPE) != 8]
        for _ in range(rng.choice((1, 3, 30, 300)) if here else 0):
            name = rng.choice(here)
            at = rng.randrange(elf.get(name, SIZE))
            count = rng.choice((1, 1, 2, 4, 8))
            content = rng.choice((rng.randbytes(count), b'\xff' * count, bytes(count), b'\x7f' * count))
            elf.overwrite(name, content, at)
    return damage


def random_cut(elf, rng):
    del elf.out[rng.randrange(len(elf.out)):]


def spliced(elf, rng):
    """A piece of one section over another."""
    names = [n for n in elf.index if n and elf.get(n, TYPE) != 8 and elf.get(n, SIZE) > 16]
    source, target = rng.choice(names), rng.choice([n for n in names if not n.startswith('.note')])
    at = rng.randrange(elf.get(source, SIZE))
    elf.overwrite(target, elf.content(source)[at:at + rng.choice((16, 256, 4096))],
                  rng.randrange(elf.get(target, SIZE)))


DEBUG = tuple(n for n in SECTIONS if n.startswith('.debug')) + ('.debug_loc', '.debug_ranges', '.debug_str_offsets')
RANDOM = (headers, section_field, within(DEBUG), within(('.debug_info', '.debug_abbrev')),
          within(('.eh_frame', '.eh_frame_hdr')), within(('.symtab', '.strtab', '.dynsym', '.dynstr', '.dynamic')),
          within(('.text', '.plt', '.plt.sec', '.rela.plt', '.rela.dyn', '.rodata')), within(('.debug_line',)),
          random_cut, spliced)


def named(raw, name):
    elf = Elf(raw)
    DAMAGES[name](elf)
    return bytes(elf.out)


def damaged(raw, rng):
    """Two or three random damages at once, or one of the named ones among them."""
    elf = Elf(raw)
    for _ in range(rng.choice((1, 1, 2, 3))):
        try:
            rng.choice(RANDOM)(elf, rng)
        except (ValueError, IndexError, struct.error):
            break  # what an earlier damage took away
    return bytes(elf.out)


def main(args):
    with open(args[0], 'rb') as file:
        raw = file.read()
    os.makedirs(args[1], exist_ok=True)
    for name in args[2:] or DAMAGES:
        with open(os.path.join(args[1], name), 'wb') as file:
            file.write(named(raw, name))


if __name__ == '__main__':
    main(sys.argv[1:])
