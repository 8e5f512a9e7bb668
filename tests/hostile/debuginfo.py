"""Debug information (DWARF 4 and 5) that nobody's compiler writes: cycles, depths and sizes.

DAMAGES: name -> function(Elf), which changes it in place. Most describe the program's own global
variables, so that what is hostile is met on the way from a variable to its block.
"""
import struct
import zlib

from elfedit import ADDR, FLAGS, SIZE

ADDRX, REF4, STRING, UDATA, SDATA, EXPRLOC, OFFSET, INDIRECT, PRESENT = (
    0x01, 0x13, 0x08, 0x0f, 0x0d, 0x18, 0x17, 0x16, 0x19)
DATA8 = 7
AT = dict(sibling=0x01, location=0x02, name=0x03, byte_size=0x0b, stmt_list=0x10, low_pc=0x11,
          high_pc=0x12, language=0x13, import_=0x18, comp_dir=0x1b, upper_bound=0x2f, origin=0x31,
          count=0x37, member_location=0x38, specification=0x47, type=0x49, ranges=0x55, call_file=0x58,
          call_line=0x59, dwo_name=0x76, frame_base=0x40, decl_file=0x3a, decl_line=0x3b)
TAG = dict(array=0x01, enum=0x04, formal=0x05, block=0x0b, member=0x0d, pointer=0x0f, unit=0x11, struct=0x13,
           typedef=0x16, union=0x17, inherit=0x1c, inlined=0x1d, subrange=0x21, base=0x24, const=0x26,
           subprogram=0x2e, variable=0x34, import_=0x3d, call=0x48, namespace=0x39)


def uleb(n):
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


class Unit:
    """One unit. die() returns its place, by which others refer to it; a place may be told beforehand."""

    def __init__(self, low, high, version=4, **more):
        self.abbrevs, self.table = {}, bytearray()
        self.version = version
        self.out = bytearray(struct.pack('<IHIB', 0, version, 0, 8) if version < 5 else
                             struct.pack('<IHBBI', 0, version, 1, 8, 0))
        self.die('unit', True, name=b'hostile.c', low_pc=low, high_pc=high - low, language=12, **more)

    def form(self, attr, value):
        if isinstance(value, bytes):
            if attr in ('location', 'frame_base'):
                return EXPRLOC, uleb(len(value)) + value
            return STRING, value + b'\0'
        if attr == 'low_pc':
            return ADDRX, struct.pack('<Q', value)
        if attr in ('type', 'origin', 'specification', 'sibling', 'import_'):
            return REF4, struct.pack('<I', value & 0xffffffff)
        if attr in ('stmt_list', 'ranges'):
            return OFFSET, struct.pack('<I', value & 0xffffffff)
        return DATA8, struct.pack('<Q', value & (1 << 64) - 1)

    def abbrev(self, tag, children, attrs):
        key = tag, children, attrs
        if key not in self.abbrevs:
            self.abbrevs[key] = len(self.abbrevs) + 1
            self.table += uleb(self.abbrevs[key]) + uleb(TAG[tag]) + bytes([children])
            for attr, form in attrs:
                self.table += uleb(AT[attr]) + uleb(form)
            self.table += b'\0\0'
        return self.abbrevs[key]

    def here(self):
        return len(self.out)

    def die(self, tag, children=False, **attrs):
        at = len(self.out)
        forms = [(a,) + self.form(a, v) for a, v in attrs.items()]
        self.out += uleb(self.abbrev(tag, children, tuple((a, f) for a, f, _ in forms)))
        for _, _, content in forms:
            self.out += content
        return at

    def close(self):
        self.out += b'\0'

    def put(self, elf, length=None):
        """Into the file, in place of all that it has; length: what the header claims."""
        self.close()
        struct.pack_into('<I', self.out, 0, len(self.out) - 4 if length is None else length)
        elf.replace('.debug_info', bytes(self.out))
        elf.replace('.debug_abbrev', bytes(self.table) + b'\0')
        for other in ('.debug_aranges', '.debug_rnglists', '.debug_loclists', '.debug_ranges'):
            if elf.has(other):
                elf.put(other, SIZE, 0)


def unit(elf, **more):
    start = elf.get('.text', ADDR)
    return Unit(start, start + elf.get('.text', SIZE), **more)


def variables(elf, u, type_):
    """Each global of a word's size or more is one of that type."""
    for name, value, size in elf.symbols(1):
        if size >= 8:
            u.die('variable', name=name.encode(), type=type_, location=b'\x03' + struct.pack('<Q', value))


def typed(make):
    """A damage of which make(unit) tells a type; the variables are pointers to it."""
    def damage(elf):
        u = unit(elf)
        variables(elf, u, u.die('pointer', type=make(u), byte_size=8))
        u.put(elf)
    return damage


def leaf(u):
    return u.die('base', name=b'long', byte_size=8)


def struct_of(u, name, size, members):
    at = u.die('struct', True, name=name, byte_size=size)
    for i, (kind, where) in enumerate(members):
        u.die('member', name=b'm%d' % i, type=kind, member_location=where)
    u.close()
    return at


def typedef_self(u):
    return u.die('typedef', name=b'self', type=u.here())


def typedef_pair(u):
    first = u.die('typedef', name=b'one', type=0)
    second = u.die('typedef', name=b'two', type=first)
    u.out[second - 4:second] = struct.pack('<I', second)  # the last thing of the first is its type
    return first


def struct_self(u):
    return struct_of(u, b'self', 16, [(u.here(), 0), (u.here(), 8)])


def inherit_self(u):
    at = u.die('struct', True, name=b'heir', byte_size=64)
    u.die('inherit', type=at, member_location=0)
    u.close()
    return at


def array_self(u):
    at = u.die('array', True, type=u.here())
    u.die('subrange', count=1 << 60)
    u.close()
    return at


def array_deep(u):
    inner = leaf(u)
    for _ in range(5000):
        at = u.die('array', True, type=inner)
        u.die('subrange', count=2)
        u.close()
        inner = at
    return inner


def doubling(u):
    """s1 has two s0, s2 has two s1, ...: 2^60 words."""
    inner, size = leaf(u), 8
    for i in range(60):
        inner = struct_of(u, b's%d' % i, size * 2 & (1 << 63) - 1, [(inner, 0), (inner, size)])
        size *= 2
    return inner


def doubling_small(u):
    """The same, all of it in 64 bytes."""
    inner = leaf(u)
    for i in range(60):
        inner = struct_of(u, b's%d' % i, 64, [(inner, 0), (inner, 8)])
    return inner


def doubling_pointers(u):
    inner = leaf(u)
    for i in range(40):
        pointer = u.die('pointer', type=inner, byte_size=8)
        inner = struct_of(u, b's%d' % i, 64, [(pointer, 8 * j) for j in range(8)])
    return inner


def chain(u):
    inner = leaf(u)
    for _ in range(200000):
        inner = u.die('const', type=inner)
    return inner


def wide(u):
    kind = leaf(u)
    return struct_of(u, b'wide', 1 << 40, [(kind, 8 * i) for i in range(300000)])


def huge(u):
    kind = leaf(u)
    return struct_of(u, b'huge', (1 << 64) - 1, [(kind, (1 << 64) - 8), (kind, 1 << 63), (kind, 24)])


def member_far(u):
    kind = leaf(u)
    return struct_of(u, b'far', 32, [(kind, (1 << 64) - 4), (kind, 30), (kind, 1 << 40)])


def name_long(u):
    return struct_of(u, b'n' * (8 << 20), 32, [(leaf(u), 0)])


def name_mangled(u):
    return struct_of(u, b'_Z' + b'1aIS' * 40000, 32, [(leaf(u), 0)])


def name_wild(u):
    return struct_of(u, b'\x1b]0;owned\x07\x1b[2J\xff\xfe"\n\\\r<b>', 32, [(leaf(u), 0)])


def template_bomb(u):
    return struct_of(u, b'a<' * 100000, 32, [(leaf(u), 0)])


def deep(elf):
    u = unit(elf)
    u.die('subprogram', True, name=b'f', low_pc=elf.get('.text', ADDR), high_pc=elf.get('.text', SIZE))
    for _ in range(400000):
        u.die('block', True, low_pc=elf.get('.text', ADDR), high_pc=elf.get('.text', SIZE))
    u.put(elf)


def deep_types(elf):
    u = unit(elf)
    for i in range(400000):
        u.die('struct', True, name=b's', byte_size=8)
    u.put(elf)


def sibling_self(elf):
    u = unit(elf)
    at = u.here()
    u.die('subprogram', True, sibling=at, name=b'f', low_pc=elf.get('.text', ADDR),
          high_pc=elf.get('.text', SIZE))
    u.die('block', True, sibling=at)
    u.close()
    u.close()
    variables(elf, u, leaf(u))
    u.put(elf)


def sibling_back(elf):
    u = unit(elf)
    first = leaf(u)
    u.die('struct', True, sibling=first, name=b'back', byte_size=8)
    u.close()
    variables(elf, u, first)
    u.put(elf)


def origin_self(elf):
    u = unit(elf)
    low, size = elf.get('.text', ADDR), elf.get('.text', SIZE)
    u.die('subprogram', True, origin=u.here(), low_pc=low, high_pc=size)
    for _ in range(1000):
        u.die('inlined', True, origin=u.here(), low_pc=low, high_pc=size, call_file=1, call_line=1)
    for _ in range(1000):
        u.close()
    u.close()
    for _, value, size in elf.symbols(1):
        u.die('variable', specification=u.here(), location=b'\x03' + struct.pack('<Q', value))
    u.put(elf)


def import_self(elf):
    u = unit(elf)
    u.die('import_', import_=11)
    u.die('import_', import_=u.here())
    u.put(elf)


def units_many(elf):
    """A unit of 11 bytes and one DIE, half a million times."""
    u = Unit(0, 1)
    u.put(elf)
    one = bytes(u.out)
    elf.replace('.debug_info', one * (24000000 // len(one)))


def length(value, **more):
    def damage(elf):
        u = unit(elf, **more)
        variables(elf, u, leaf(u))
        u.put(elf, value)
    return damage


def header(at, form, value):
    def damage(elf):
        u = unit(elf)
        variables(elf, u, leaf(u))
        struct.pack_into(form, u.out, at, value)
        u.put(elf)
    return damage


def abbrev(content):
    def damage(elf):
        length(None)(elf)
        elf.replace('.debug_abbrev', content)
    return damage


def expressions(make):
    """Every variable's place is told by such an expression, and so is a function's frame."""
    def damage(elf):
        u = unit(elf)
        kind = u.die('pointer', type=leaf(u), byte_size=8)
        for name, value, _ in elf.symbols(1):
            u.die('variable', name=name.encode(), type=kind, location=make(u, value))
        for name, value, size in elf.symbols(2):
            u.die('subprogram', True, name=name.encode(), low_pc=value, high_pc=size,
                  frame_base=make(u, value))
            u.die('variable', name=b'v', type=kind, location=make(u, value))
            u.close()
        u.put(elf)
    return damage


def line(content, version=4):
    def damage(elf):
        u = unit(elf, version=version, stmt_list=0, comp_dir=b'/')
        u.put(elf)
        elf.replace('.debug_line', content(elf) if callable(content) else content)
    return damage


def line_program(program, **head):
    """A line table of version 4 with that program."""
    head = dict(dict(min_inst=1, max_ops=1, base=-5, range_=14, opcodes=13), **head)
    prologue = struct.pack('<BBBbBB', head['min_inst'], head['max_ops'], 1, head['base'], head['range_'],
                           head['opcodes'])
    prologue += bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)) + b'\0a.c\0\0\0\0\0'
    body = struct.pack('<HI', 4, head.get('length', len(prologue))) + prologue + program
    return struct.pack('<I', len(body)) + body


def line_rows(elf):
    start = b'\0\x09\x02' + struct.pack('<Q', elf.get('.text', ADDR))
    return line_program(start + b'\x20' * (32 << 20) + b'\0\x01\x01')


def line_sequences(elf):
    one = b'\0\x09\x02' + struct.pack('<Q', elf.get('.text', ADDR)) + b'\x20\0\x01\x01'
    return line_program(one * 500000)


def line_tables(entries, formats=b'\0'):
    """Version 5: so many folders, of which each takes no byte."""
    prologue = struct.pack('<BBBbBB', 1, 1, 1, -5, 14, 13) + bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
    prologue += formats + uleb(entries) + formats + uleb(entries)
    body = struct.pack('<HBBI', 5, 8, 0, len(prologue)) + prologue
    return struct.pack('<I', len(body)) + body


def line_files(elf):
    """Three million files."""
    prologue = struct.pack('<BBBbBB', 1, 1, 1, -5, 14, 13) + bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
    prologue += b'\0' + b'a\0\0\0\0' * 3000000 + b'\0'
    body = struct.pack('<HI', 4, len(prologue)) + prologue
    return struct.pack('<I', len(body)) + body


def ranges(content, at=0):
    def damage(elf):
        u = Unit(0, 0, ranges=at)
        variables(elf, u, leaf(u))
        u.put(elf)
        elf.replace('.debug_ranges', content)
    return damage


def dwo(name):
    """A unit that says that the rest of it is in another file."""
    def damage(elf):
        u = unit(elf, dwo_name=name, comp_dir=b'/')
        variables(elf, u, leaf(u))
        u.put(elf)
    return damage


def zeroes(count):
    """So many of them, packed."""
    packer = zlib.compressobj(9)
    piece = bytes(min(count, 1 << 20))
    return b''.join(packer.compress(piece) for _ in range(count // len(piece))) + packer.flush()


def compressed(section, claims, content, algorithm=1):
    def damage(elf):
        if not elf.has(section):
            return
        packed = content if isinstance(content, bytes) else zeroes(content)
        elf.replace(section, struct.pack('<IIQQ', algorithm, 0, claims, 1) + packed)
        elf.put(section, FLAGS, elf.get(section, FLAGS) | 0x800)
    return damage


def zdebug(section, claims, content):
    def damage(elf):
        if elf.has(section):
            elf.replace(section, b'ZLIB' + struct.pack('>Q', claims) + zeroes(content))
            elf.rename(section, section.replace('.debug', '.zdebug'))
    return damage


def aranges(elf):
    head = struct.pack('<HIBB4x', 2, 0, 8, 0)
    body = head + struct.pack('<QQ', elf.get('.text', ADDR), 1) * 1000000
    elf.replace('.debug_aranges', struct.pack('<I', len(body)) + body)


def skip(distance):
    return lambda u, value: b'\x03' + struct.pack('<Q', value) + b'\x2f' + struct.pack('<h', distance)


DAMAGES = {
    'type-' + name.replace('_', '-'): typed(make) for name, make in (
        (f.__name__, f) for f in (
            typedef_self, typedef_pair, struct_self, inherit_self, array_self, array_deep, doubling,
            doubling_small, doubling_pointers, chain, wide, huge, member_far, name_long, name_mangled,
            name_wild, template_bomb))
}
DAMAGES.update({
    'type-beyond': typed(lambda u: 0xfffffff0),
    'type-in-header': typed(lambda u: 3),
    'type-in-middle': typed(lambda u: leaf(u) + 1),
    'depth-blocks': deep,
    'depth-structs': deep_types,
    'sibling-self': sibling_self,
    'sibling-back': sibling_back,
    'origin-self': origin_self,
    'import-self': import_self,
    'units-many': units_many,
    'unit-length-0': length(0),
    'unit-length-huge': length(0xffffffef),
    'unit-length-64': length(0xffffffff),
    'unit-length-reserved': length(0xfffffff3),
    'unit-length-short': length(8),
    'unit-version-0': header(4, '<H', 0),
    'unit-version-99': header(4, '<H', 99),
    'unit-version-5': header(4, '<H', 5),
    'unit-abbrev-beyond': header(6, '<I', 0xfffffff0),
    'unit-address-0': header(10, '<B', 0),
    'unit-address-255': header(10, '<B', 255),
    'abbrev-empty': abbrev(b''),
    'abbrev-endless': abbrev(b'\x01\x11\x01' + b'\x03\x08' * 2000000),
    'abbrev-indirect': abbrev(b'\x01\x11\x01\x03\x16\0\0\0'),
    'abbrev-code-huge': abbrev(b'\xff' * 9 + b'\x01\x11\x01\0\0\0'),
    'abbrev-same': abbrev(b'\x01\x11\x01\0\0' * 1000000),
    'abbrev-unended': abbrev(b'\x81' * 100),
    'abbrev-many': abbrev(b''.join(uleb(i) + b'\x11\x00\0\0' for i in range(1, 1000000))),
    'place-loop': expressions(skip(-12)),
    'place-skip-self': expressions(skip(-3)),
    'place-branch': expressions(lambda u, v: b'\x31\x28\xfc\xff'),
    'place-call-self': expressions(lambda u, v: b'\x99' + struct.pack('<I', u.here())),
    'place-nested': expressions(lambda u, v: b'\xa3' + uleb(200) + b'\xa3\x7f' * 50),
    'place-long': expressions(lambda u, v: b'\x30\x22' * 20000),
    'place-frame-base': expressions(lambda u, v: b'\x91\0'),
    'place-pieces': expressions(lambda u, v: b'\x03' + struct.pack('<Q', v) + b'\x93\x01' * 20000),
    'place-empty': expressions(lambda u, v: b''),
    'line-rows': line(line_rows),
    'line-sequences': line(line_sequences),
    'line-files': line(line_files),
    'line-range-0': line(line_program(b'\x20' * 100, range_=0)),
    'line-opcodes-0': line(line_program(b'\x20' * 100, opcodes=0)),
    'line-max-ops-0': line(line_program(b'\x20' * 100, max_ops=0)),
    'line-header-huge': line(line_program(b'\x20' * 100, length=0xfffffff0)),
    'line-extended-huge': line(line_program(b'\0' + uleb(1 << 60) + b'\x02')),
    'line-folders-free': line(line_tables((1 << 63) - 1), 5),
    'line-folders-many': line(line_tables(1 << 30), 5),
    'line-formats-many': line(line_tables(1 << 30, b'\xff' + b'\x01\x08' * 255), 5),
    'ranges-many': ranges(struct.pack('<QQ', 1, 2) * 2000000 + bytes(16)),
    'ranges-unended': ranges(struct.pack('<QQ', 0, (1 << 64) - 1) * 100),
    'ranges-beyond': ranges(bytes(16), 0xfffffff0),
    'ranges-everything': ranges(struct.pack('<QQQQ', (1 << 64) - 1, 0, 0, (1 << 64) - 1) + bytes(16)),
    'aranges-many': aranges,
    'dwo-self': dwo(b'/proc/self/exe'),
    'dwo-zero': dwo(b'/dev/zero'),
    'dwo-folder': dwo(b'/'),
    'packed-info-terabytes': compressed('.debug_info', 1 << 42, b'x' * 100),
    'packed-info-all': compressed('.debug_info', (1 << 64) - 1, b'x' * 100),
    'packed-info-bomb': compressed('.debug_info', 1 << 30, 1 << 30),
    'packed-abbrev-terabytes': compressed('.debug_abbrev', 1 << 42, 1 << 20),
    'packed-line-terabytes': compressed('.debug_line', 1 << 41, 1 << 20),
    'packed-str-bomb': compressed('.debug_str', 1 << 30, 1 << 30),
    'packed-str-short': compressed('.debug_str', 1 << 20, 1 << 10),
    'packed-str-none': compressed('.debug_str', 0, b''),
    'packed-str-zstd': compressed('.debug_str', 1 << 42, b'\x28\xb5\x2f\xfd' + b'\xff' * 60, 2),
    'packed-unknown': compressed('.debug_info', 100, b'x' * 100, 77),
    'zdebug-info-terabytes': zdebug('.debug_info', 1 << 42, 1 << 20),
    'zdebug-str-bomb': zdebug('.debug_str', 1 << 30, 1 << 30),
})
