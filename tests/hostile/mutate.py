#!/usr/bin/env python3
"""Damages a core in many ways and runs coreheap on each: it must end, by itself and soon.

usage: mutate.py COREHEAP CORE COUNT SEED SCRATCH

Each round takes one command and one kind of damage: bytes of the ELF header, program headers or notes,
words of .data (malloc's arenas), words at random in the heap, chunk headers, or a cut. Exit status must be
0, 3 or 4, within 10 seconds of a processor (120 by the clock, as other tests run beside it), never a signal.
What fails is kept in SCRATCH as fail-SEED-ROUND.core with the command beside it. Prints a line for each
failure, then a summary; exits 1 if there was one.
"""
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys

COMMANDS = ('summary', 'leaks', 'blocks', 'arenas', 'maps', 'threads', 'check', 'explain')
HOSTILE = (0, 1, 7, 0x10, 0x11, 0x20, 0x21, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1 << 32, 1 << 46,
           (1 << 47) - 16, 1 << 63, (1 << 64) - 1, (1 << 64) - 16)


def segments(core):
    """-> [(offset, size, address, writable)] of saved PT_LOADs, and the notes' (offset, size)"""
    half = core[4] == 1  # ELFCLASS32
    phoff, = struct.unpack_from('<I' if half else '<Q', core, 28 if half else 32)
    count, = struct.unpack_from('<H', core, 44 if half else 56)
    loads, notes = [], (0, 64)
    for i in range(count):
        if half:
            kind, offset, address, _, size, _, flags, _ = struct.unpack_from('<8I', core, phoff + 32 * i)
        else:
            kind, flags, offset, address, _, size, _, _ = struct.unpack_from('<IIQQQQQQ', core,
                                                                             phoff + 56 * i)
        if kind == 1 and size:
            loads.append((offset, size, address, flags & 2))
        elif kind == 4:
            notes = (offset, size)
    return loads, notes


def chunk_headers(core, loads):
    """File offsets of words that look like chunk sizes; a few thousand are enough."""
    found = []
    for offset, size, _, writable in loads:
        if not writable or size < 65536:
            continue
        for at in range(offset + 8, offset + min(size, 1 << 20) - 8, 16):
            word, = struct.unpack_from('<Q', core, at)
            if 0x20 <= word < 0x100000 and word & 0xa == 0:
                found.append(at)
    return found or [64]


class Mutator:
    def __init__(self, core, rng):
        self.core, self.rng = core, rng
        self.loads, self.notes = segments(core)
        self.heads = chunk_headers(core, self.loads)
        self.writable = [l for l in self.loads if l[3]]
        self.kinds = (self.elf_header, self.program_header, self.note, self.word, self.data, self.head,
                      self.heads_many, self.pointer, self.cut, self.page)

    def value(self, old):
        choice = self.rng.random()
        if choice < 0.4:
            return self.rng.choice(HOSTILE)
        if choice < 0.6:
            return old ^ (1 << self.rng.randrange(64))
        if choice < 0.8:
            _, size, address, _ = self.rng.choice(self.loads)
            return address + self.rng.randrange(size)
        return (old + self.rng.choice((-16, -8, -1, 1, 8, 16, 4096))) % (1 << 64)

    def put(self, out, at):
        if at + 8 <= len(out):
            old, = struct.unpack_from('<Q', out, at)
            struct.pack_into('<Q', out, at, self.value(old))

    def elf_header(self, out):
        out[self.rng.randrange(16, 64)] = self.rng.randrange(256)

    def program_header(self, out):
        for _ in range(self.rng.randrange(1, 4)):
            self.put(out, 64 + 8 * self.rng.randrange(7 * (1 + len(self.loads))))

    def note(self, out):
        for _ in range(self.rng.randrange(1, 20)):
            self.put(out, self.notes[0] + 4 * self.rng.randrange(max(1, self.notes[1] // 4)))

    def word(self, out):
        for _ in range(self.rng.randrange(1, 200)):
            offset, size, _, _ = self.rng.choice(self.loads)
            self.put(out, offset + 8 * self.rng.randrange(size // 8))

    def data(self, out):
        small = [l for l in self.writable if l[1] <= 65536] or self.writable
        for _ in range(self.rng.randrange(1, 100)):
            offset, size, _, _ = self.rng.choice(small)
            self.put(out, offset + 8 * self.rng.randrange(size // 8))

    def head(self, out):
        self.put(out, self.rng.choice(self.heads))

    def heads_many(self, out):
        for _ in range(self.rng.randrange(2, 500)):
            self.put(out, self.rng.choice(self.heads) + 8 * self.rng.randrange(3))

    def pointer(self, out):
        for _ in range(self.rng.randrange(1, 50)):
            self.put(out, self.rng.choice(self.heads) + 8 + 8 * self.rng.randrange(80))

    def cut(self, out):
        del out[self.rng.choice((self.rng.randrange(64, 65536), self.rng.randrange(64, len(out)))):]

    def page(self, out):
        offset, size, _, _ = self.rng.choice(self.loads)
        at = offset + self.rng.randrange(size) // 4096 * 4096
        fill = self.rng.choice((b'\0', b'\xff', b'A'))
        out[at:at + 4096] = fill * (min(at + 4096, len(out)) - at)

    def mutated(self):
        out = bytearray(self.core)
        kind = self.rng.choice(self.kinds)
        kind(out)
        return kind.__name__, out


def bound():
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


def run(coreheap, command, path, loads, rng):
    words = [coreheap, command, path]
    if command == 'explain':
        for _ in range(3):
            _, size, address, _ = rng.choice(loads)
            words.append(hex(address + rng.randrange(size)))
    elif rng.random() < 0.5:
        words.append('--json')
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=120, preexec_fn=bound)
    except subprocess.TimeoutExpired:
        return words, 'no end within 120 seconds', b''
    if done.returncode == -signal.SIGKILL:
        return words, 'took over 10 seconds of a processor', done.stderr
    if done.returncode not in (0, 3, 4):
        return words, 'ended with %d' % done.returncode, done.stderr
    return words, None, b''


def main():
    coreheap, core, count, seed, scratch = sys.argv[1:]
    with open(core, 'rb') as file:
        whole = file.read()
    path, failed = os.path.join(scratch, 'mutated.core'), 0
    for i in range(int(count)):
        rng = random.Random('%s-%d' % (seed, i))
        mutator = Mutator(whole, rng) if i == 0 else mutator
        mutator.rng = rng
        kind, out = mutator.mutated()
        with open(path, 'wb') as file:
            file.write(out)
        words, wrong, said = run(coreheap, rng.choice(COMMANDS), path, mutator.loads, rng)
        if wrong:
            failed += 1
            kept = os.path.join(scratch, 'fail-%s-%d.core' % (seed, i))
            shutil.copy(path, kept)
            words[2] = kept
            print('%s: %s: %s' % (kind, wrong, ' '.join(words)))
            print(said.decode(errors='replace')[:2000])
    print('%s cores, %d failed' % (count, failed))
    sys.exit(1 if failed else 0)


main()
