#!/usr/bin/env python3
"""Overwrites a core's heap as overruns and writes after free do, and judges what coreheap makes of it.

usage: overruns.py COREHEAP CORE COUNT SEED SCRATCH [LOWEST [FALSE]]

Each round writes 1 to 64 bytes: over the end of a block that is in use into the header behind it, over a
header, into a block that was freed, or at the end of one. It then runs `blocks` on that core, and on one
with the same bytes written only where they hit what the program itself had stored there: blocks, sizes,
states and reach have to be the same in both, but for the blocks that were hit. So what a lost pointer
explains is no error, and no answer on an undamaged heap is needed to judge it but coreheap's own.

Prints the worst rounds, the distribution of the share of blocks that are exact, and the false definite
leaks. Exits 1 where a share is below LOWEST percent (default 0), where more than FALSE blocks in all
(default 0) are falsely called leaked, or where a run ended by a signal, late, or with another status
than 0.
"""
import bisect
import os
import random
import shutil
import struct
import subprocess
import sys

LEAKED = ('definite', 'indirect')
KINDS = ('overrun', 'overrun', 'overrun', 'header', 'nul', 'freed', 'freed-end', 'two', 'many')


def loads(core):
    """-> [(address, size, offset)] of saved PT_LOADs"""
    phoff, = struct.unpack_from('<Q', core, 32)
    count, = struct.unpack_from('<H', core, 56)
    found = []
    for i in range(count):
        kind, _, offset, address, _, size, _, _ = struct.unpack_from('<IIQQQQQQ', core, phoff + 56 * i)
        if kind == 1 and size:
            found.append((address, size, offset))
    return sorted(found)


class Blocks:
    """`coreheap blocks`: address -> (size, state, reach, kind)"""

    def __init__(self, coreheap, path):
        done = subprocess.run([coreheap, 'blocks', '--format=csv', '--no-sites', path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.status, self.said = done.returncode, done.stderr
        self.of = {}
        for line in done.stdout.decode().splitlines()[1:]:
            address, size, state, reach, kind = line.split(',')[:5]
            self.of[int(address, 16)] = (int(size), state, reach, kind)


class Fuzz:
    def __init__(self, coreheap, path, scratch):
        with open(path, 'rb') as file:
            self.core = file.read()
        self.loads = loads(self.core)
        self.starts = [l[0] for l in self.loads]
        self.coreheap = coreheap
        self.path = os.path.join(scratch, 'overrun.core')
        shutil.copy(path, self.path)
        whole = Blocks(coreheap, path)
        if whole.status:
            sys.exit('%s: exit %d' % (path, whole.status))
        self.whole = {a: b for a, b in whole.of.items() if b[3] != 'mmap' and self.offset(a)}
        order = sorted(self.whole)
        self.next = dict(zip(order, order[1:]))
        self.order = order
        # a block with another one right behind it, 8 bytes of header between them
        self.front = [a for a in order if self.next.get(a) == a + self.whole[a][0] + 8]
        self.used = [a for a in self.front if self.whole[a][1] == 'used']
        self.free = [a for a in self.front if self.whole[a][1] == 'free']

    def offset(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address - self.loads[i][0] >= self.loads[i][1]:
            return 0
        return self.loads[i][2] + address - self.loads[i][0]

    def bytes(self, rng, n):
        kind = rng.randrange(6)
        if kind == 0:
            return bytes(n)
        if kind == 1:
            return bytes([rng.randrange(256)]) * n
        if kind == 2:
            return rng.randbytes(n)
        if kind == 3:
            return (b'some text that a program wrote beyond its block: %d ' % rng.randrange(1 << 30) * 2)[:n]
        if kind == 4:  # small numbers: some look like sizes
            return b''.join(struct.pack('<Q', rng.randrange(0, 4096) | rng.randrange(2)) for _ in range(8))[:n]
        return b''.join(struct.pack('<Q', rng.choice(self.order) + rng.choice((0, 0, 16, 8)))
                        for _ in range(8))[:n]

    def damage(self, rng, kind):
        """-> [(address, bytes)]"""
        if kind in ('freed', 'freed-end') and not self.free:
            kind = 'overrun'
        if kind in ('two', 'many'):
            return [d for _ in range(2 if kind == 'two' else 30) for d in self.damage(rng, 'overrun')]
        if kind == 'nul':
            a = rng.choice(self.used)
            return [(a + self.whole[a][0], b'\0')]
        if kind == 'header':  # of any block
            a = rng.choice(self.front)
            return [(a + self.whole[a][0], self.bytes(rng, 8))]
        if kind == 'freed':
            a = rng.choice(self.free)
            return [(a + rng.choice((0, 0, 8)), self.bytes(rng, rng.randrange(1, min(64, self.whole[a][0] - 8) + 1)))]
        if kind == 'freed-end':
            a = rng.choice(self.free)
            n = rng.randrange(1, 17)
            return [(a + self.whole[a][0] - 8, self.bytes(rng, n))]
        a = rng.choice(self.used)
        return [(a + self.whole[a][0] - rng.choice((0, 0, 0, 8)), self.bytes(rng, rng.randrange(1, 65)))]

    def owner(self, address):
        """-> the block whose bytes, or whose header, lie at address"""
        i = bisect.bisect_right(self.order, address + 8) - 1
        return self.order[i]

    def split(self, damage):
        """-> (bytes that hit the program's own words, blocks that were hit)"""
        own, hit = [], set()
        for address, data in damage:
            for i, byte in enumerate(data):
                at = address + i
                block = self.owner(at)
                inside = block <= at < block + self.whole[block][0]
                if not inside or self.whole[block][1] != 'used':
                    hit.add(block)
                if inside and self.whole[block][1] == 'used':
                    own.append((at, bytes([byte])))
        return own, hit

    def blocks(self, damage):
        with open(self.path, 'r+b') as file:
            for address, data in damage:
                if self.offset(address):
                    file.seek(self.offset(address))
                    file.write(data)
        try:
            return Blocks(self.coreheap, self.path)
        finally:
            with open(self.path, 'r+b') as file:
                for address, data in damage:
                    at = self.offset(address)
                    if at:
                        file.seek(at)
                        file.write(self.core[at:at + len(data)])

    def round(self, rng):
        """-> (kind, damage, share in percent, false leaks, lines)"""
        kind = rng.choice(KINDS)
        damage = self.damage(rng, kind)
        own, hit = self.split(damage)
        want, got = self.blocks(own), self.blocks(damage)
        if want.status or got.status:
            return kind, damage, -1, 0, ['exit %d: %s' % (got.status, got.said.decode(errors='replace')[:500])]
        lines, false, n, wrong = [], 0, 0, 0
        for address, b in want.of.items():
            if address in hit or b[1] == 'internal':
                continue
            n += 1
            g = got.of.get(address)
            if g == b:
                continue
            wrong += 1
            # a pointer that the damage itself wrote may hold in one and not in the other
            falsely = bool(g and g[2] in LEAKED and b[2] not in LEAKED and
                           self.whole.get(address, b)[2] not in LEAKED)
            false += falsely
            lines.append(('FALSE ' if falsely else '') + '%#x %s: %s' % (address, ' '.join(map(str, b)), ' '.join(map(str, g)) if g else 'missing'))
        for address, g in got.of.items():
            if address not in want.of:
                wrong += g[1] == 'used'
                false += g[2] in LEAKED
                lines.append(('FALSE ' if g[2] in LEAKED else '') + '%#x made up: %s' % (address, ' '.join(map(str, g))))
        return kind, damage, 100 * (1 - wrong / n), false, sorted(lines, reverse=True)


def main(args):
    if len(args) not in (5, 6, 7):
        sys.exit(__doc__)
    fuzz = Fuzz(args[0], args[1], args[4])
    count, seed = int(args[2]), args[3]
    lowest, allowed = float((args + ['0'])[5] if len(args) > 5 else 0), int(args[6]) if len(args) > 6 else 0
    rounds, failed = [], 0
    for i in range(count):
        rng = random.Random('%s-%d' % (seed, i))
        try:
            kind, damage, share, false, lines = fuzz.round(rng)
        except subprocess.TimeoutExpired:
            kind, damage, share, false, lines = '?', [], -1, 0, ['over 60 seconds']
        rounds.append((share, false))
        failed += share < 0
        if share < max(lowest, 99) or false:
            print('round %d, %s: %.2f %%, %d false leaks' % (i, kind, share, false))
            for address, data in damage[:4]:
                print('  %#x %s' % (address, data.hex()))
            for line in lines[:12]:
                print('    ' + line)
    shares = sorted(share for share, _ in rounds)
    false = sum(f for _, f in rounds)
    print('%d blocks, %d in use; %d rounds: %d exact, %d above 99.9 %%, %d above 99 %%, %d below; worst %.2f %%, '
          'false leaks: %d in %d rounds' % (
              len(fuzz.whole), sum(b[1] == 'used' for b in fuzz.whole.values()), count,
              sum(s == 100 for s in shares), sum(99.9 <= s < 100 for s in shares),
              sum(99 <= s < 99.9 for s in shares), sum(s < 99 for s in shares), shares[0], false,
              sum(f > 0 for _, f in rounds)))
    sys.exit(1 if failed or shares[0] < lowest or false > allowed else 0)


if __name__ == '__main__':
    main(sys.argv[1:])
