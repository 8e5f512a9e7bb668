"""An ELF file of class 64 as bytes to be changed: sections by name, their contents replaced by longer ones.

A section that is replaced goes to the end of the file; its header points there. Segments, and so
what the loader maps, and the build-id stay.
"""
import struct

SHDR = struct.Struct('<IIQQQQIIQQ')
NAME, TYPE, FLAGS, ADDR, OFFSET, SIZE, LINK, INFO, ALIGN, ENTSIZE = range(10)
WIDTH = (4, 4, 8, 8, 8, 8, 4, 4, 8, 8)


class Elf:
    def __init__(self, raw):
        self.out = bytearray(raw)
        self.phoff, self.shoff = struct.unpack_from('<QQ', raw, 32)
        self.phnum, = struct.unpack_from('<H', raw, 56)
        self.shnum, self.shstrndx = struct.unpack_from('<HH', raw, 60)
        names = SHDR.unpack_from(raw, self.shoff + SHDR.size * self.shstrndx)[OFFSET]
        self.index = {}
        for i in range(self.shnum):
            at = names + self.header(i)[NAME]
            self.index[bytes(raw[at:raw.index(b'\0', at)]).decode()] = i

    def header(self, i):
        return SHDR.unpack_from(self.out, self.shoff + SHDR.size * i)

    def has(self, *names):
        return all(n in self.index for n in names)

    def get(self, name, field):
        return self.header(self.index[name])[field]

    def put(self, name, field, value):
        at = self.shoff + SHDR.size * self.index[name] + sum(WIDTH[:field])
        struct.pack_into('<I' if WIDTH[field] == 4 else '<Q', self.out, at, value)

    def content(self, name):
        _, _, _, _, offset, size, _, _, _, _ = self.header(self.index[name])
        return bytes(self.out[offset:offset + size])

    def overwrite(self, name, content, at=0):
        offset, size = self.get(name, OFFSET), self.get(name, SIZE)
        content = content[:max(0, size - at)]
        self.out[offset + at:offset + at + len(content)] = content

    def replace(self, name, content):
        """The section has these bytes. One that is not there takes the place of .comment."""
        if name not in self.index:
            self.rename('.comment', name)
        self.out += bytes(-len(self.out) % 16)
        self.put(name, OFFSET, len(self.out))
        self.put(name, SIZE, len(content))
        self.put(name, FLAGS, self.get(name, FLAGS) & ~0x830)  # merged, strings, compressed: no more
        self.out += content

    def rename(self, old, new):
        """Appends to the table of names, as a name may be longer."""
        table = next(n for n, i in self.index.items() if i == self.shstrndx)
        names = self.content(table)
        self.index[new] = self.index.pop(old)
        self.put(new, NAME, len(names))
        self.replace(table, names + new.encode() + b'\0')

    def segments(self, kind):
        """File offsets of the program headers of a kind."""
        for i in range(self.phnum):
            at = self.phoff + 56 * i
            if struct.unpack_from('<I', self.out, at)[0] == kind:
                yield at

    def symbols(self, kind):
        """(name, address, size) of .symtab's (else .dynsym's) symbols of a kind with a size."""
        table, names = (('.symtab', '.strtab') if '.symtab' in self.index else ('.dynsym', '.dynstr'))
        names = self.content(names)
        for name, info, _, section, value, size in struct.iter_unpack('<IBBHQQ', self.content(table)):
            if info & 15 == kind and section and size:
                yield names[name:names.index(b'\0', name)].decode(errors='replace'), value, size
