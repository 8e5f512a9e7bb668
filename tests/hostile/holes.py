#!/usr/bin/env python3
"""Takes parts out of a core and compares what is then said with what the whole core gives.

usage: holes.py COREHEAP CORE CUTS HOLES SEED

CORE is changed in place and put back. Each writable segment is taken out in turn; CUTS times the file is
cut at random; HOLES times several segments at random lose all or the end of what is saved of them. Asserted
of each:

- what is called definite or indirect is leaked in the whole core too;
- each arena whose heaps are all there, and each mmapped block that is, has the blocks of the whole core:
  address, size and state. Where the main arena itself is lost, or a thread's TLS, blocks that these would tell
  to be free or malloc's own may be called used: no more than the report warns of.

Prints a line for each failure, then a summary; exits 1 if there was one.
"""
import collections
import csv
import json
import os
import random
import re
import struct
import subprocess
import sys

Load = collections.namedtuple('Load', 'header start end offset size flags')
Block = collections.namedtuple('Block', 'size state kind')


def run(coreheap, *words):
    return subprocess.run([coreheap, *words, '-q'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, text=True, check=False)


class Told:
    """What coreheap tells of a core."""

    def __init__(self, coreheap, core):
        done = run(coreheap, 'blocks', core, '--format=csv', '--no-sites')
        self.status = done.returncode
        self.blocks, self.leaked, self.arena = {}, set(), {}
        for row in csv.DictReader(done.stdout.splitlines()):
            at = int(row['address'], 16)
            self.blocks[at] = Block(int(row['size']), row['state'], row['kind'])
            self.arena[at] = None if row['kind'] == 'mmap' else int(row['arena'])
            if row['reach'] in ('definite', 'indirect'):
                self.leaked.add(at)


def word_of(core):
    """-> bytes of a word, by the class of the file"""
    with open(core, 'rb') as file:
        return 4 * file.read(5)[4]


def loads(core):
    """-> [Load] of the saved PT_LOADs; header: where the file has its p_filesz"""
    with open(core, 'rb') as file:
        head = file.read(64)
        wide = word_of(core) == 8
        phoff, = struct.unpack_from('<Q' if wide else '<I', head, 32 if wide else 28)
        count, = struct.unpack_from('<H', head, 56 if wide else 44)
        entry = 56 if wide else 32
        file.seek(phoff)
        table = file.read(entry * count)
    for i in range(count):
        if wide:
            kind, flags, offset, vaddr, _, size, memory, _ = struct.unpack_from('<IIQQQQQQ', table, 56 * i)
        else:
            kind, offset, vaddr, _, size, memory, flags, _ = struct.unpack_from('<8I', table, 32 * i)
        if kind == 1 and size:
            yield Load(phoff + entry * i + (32 if wide else 16), vaddr, vaddr + memory, offset, size, flags)


class Whole:
    """The core as it was, and where its heap lies."""

    def __init__(self, coreheap, core):
        self.told = Told(coreheap, core)
        self.loads = list(loads(core))
        self.size = os.path.getsize(core)
        self.word = word_of(core)
        # bytes of malloc_state, at least; usable ones of an empty tcache up to 2.41
        self.arena, self.tcache = (0x840, 648) if self.word == 8 else (0x424, 396)
        rows = json.loads(run(coreheap, 'arenas', core, '--json').stdout)['arenas']
        self.heaps = {row['arena']: [(int(h['start'], 16), int(h['end'], 16)) for h in row['heaps']]
                      for row in rows}
        self.main = int(rows[0]['address'], 16)

    def gone(self, sizes, length):
        """-> sorted [(start, end)] that the core loses with these sizes and this length of the file"""
        for load in self.loads:
            kept = min(sizes.get(load.header, load.size), max(0, length - load.offset))
            if kept < load.size:
                yield load.start + kept, load.start + load.size


def overlaps(ranges, start, end):
    return any(start < stop and at < end for at, stop in ranges)


def heap_there(whole, gone):
    """-> (numbers of the arenas whose heaps are all there, whether all of the heap is)"""
    arenas = {number for number, heaps in whole.heaps.items()
              if not any(overlaps(gone, *heap) for heap in heaps)}
    mmapped = all(whole.told.arena[at] is not None or not overlaps(gone, at - 16, at + block.size)
                  for at, block in whole.told.blocks.items())
    return arenas, mmapped and len(arenas) == len(whole.heaps)


def blocks_wrong(whole, got, gone):
    """-> (what is wrong, or None; blocks that are called used and are not, by what is lost with them)"""
    there, everything = heap_there(whole, gone)
    lost = overlaps(gone, whole.main, whole.main + whole.arena)
    unsure = 0
    for at, block in whole.told.blocks.items():
        arena = whole.told.arena[at]
        if arena not in there and (arena is not None or not there or
                                   overlaps(gone, at - 16, at + block.size)):
            continue
        if got.blocks.get(at) == block:
            continue
        if block.state != 'used' and got.blocks.get(at) == block._replace(state='used'):
            if (block.state == 'free' and lost and arena == 0) or (block.state == 'internal' and block.size == whole.tcache):
                unsure += 1
                continue
            if not everything: # what is lost may have been a tcache
                continue
        return 'block %#x of arena %s is %s, not %s' % (at, arena, got.blocks.get(at), block), unsure
    more = set(got.blocks) - set(whole.told.blocks)
    return 'there is no block %#x' % min(more) if everything and more else None, unsure


def doubted(coreheap, core):
    """-> number of used blocks that the report calls doubtful"""
    report = json.loads(run(coreheap, 'check', core, '--json').stdout)
    for warning in report['input']['warnings']:
        if warning['code'] == 'blocks-doubtful':
            number = re.search(r'up to ([0-9,]+) block', warning['message'])
            return int(number.group(1).replace(',', '')) if number else 0
    return 0


def judge(what, coreheap, core, whole, sizes, length):
    got = Told(coreheap, core)
    gone = list(whole.gone(sizes, length))
    exact = heap_there(whole, gone)[1]
    wrong = []
    if got.status not in (0, 3):
        wrong.append('exit status %d' % got.status)
    if got.leaked - whole.told.leaked:
        wrong.append('%d live blocks called leaked, the first %#x' %
                     (len(got.leaked - whole.told.leaked), min(got.leaked - whole.told.leaked)))
    if got.status == 0:
        text, unsure = blocks_wrong(whole, got, gone)
        if not text and exact and unsure and doubted(coreheap, core) < unsure:
            text = '%d blocks are wrongly called used, %d doubted' % (unsure, doubted(coreheap, core))
        wrong += [text] if text else []
    return ['%s: %s' % (what, text) for text in wrong], exact, exact and overlaps(gone, whole.main, whole.main + whole.arena)


def resized(coreheap, core, whole, sizes, what):
    """With other sizes in program headers, by address of the header in the file."""
    with open(core, 'r+b') as file:
        for header, size in sizes.items():
            file.seek(header)
            file.write(struct.pack('<Q' if whole.word == 8 else '<I', size))
    result = judge(what, coreheap, core, whole, sizes, whole.size)
    with open(core, 'r+b') as file:
        for load in whole.loads:
            file.seek(load.header)
            file.write(struct.pack('<Q' if whole.word == 8 else '<I', load.size))
    return result


def without_segment(coreheap, core, whole):
    for load in whole.loads:
        if load.flags & 2:
            yield resized(coreheap, core, whole, {load.header: 0}, 'segment at %#x taken out' % load.start)


def holes(coreheap, core, whole, count, rng):
    for i in range(count):
        some = rng.sample(whole.loads, rng.randrange(1, max(2, len(whole.loads) // 4)))
        sizes = {load.header: rng.choice((0, rng.randrange(load.size // 4096 + 1) * 4096)) for load in some}
        yield resized(coreheap, core, whole, sizes, 'hole %d, in %d segments' % (i, len(sizes)))


def cuts(coreheap, core, whole, count, rng):
    """One in three close to the end of the file, one in three where a segment ends."""
    short = core + '.cut'
    for i in range(count):
        at = rng.randrange(4096, whole.size)
        if i % 3 == 1:
            at = whole.size - rng.randrange(1, min(whole.size, 1 << 20))
        elif i % 3 == 2:
            at = rng.choice(whole.loads).offset
        subprocess.run(['cp', '--sparse=always', core, short], check=True)
        os.truncate(short, at)
        yield judge('cut at %d' % at, coreheap, short, whole, {}, at)
        os.remove(short)


def main():
    coreheap, core, ncuts, nholes, seed = sys.argv[1:]
    whole, rng = Whole(coreheap, core), random.Random(seed)
    if whole.told.status or not whole.told.blocks:
        sys.exit('%s: the whole core gives status %d and %d blocks' %
                 (core, whole.told.status, len(whole.told.blocks)))
    runs, exact, lost, failed = 0, 0, 0, []
    for kind in (without_segment(coreheap, core, whole), holes(coreheap, core, whole, int(nholes), rng),
                 cuts(coreheap, core, whole, int(ncuts), rng)):
        for wrong, all_there, main_lost in kind:
            runs += 1
            exact += all_there
            lost += main_lost
            failed += wrong
    if Told(coreheap, core).blocks != whole.told.blocks:
        failed.append('the core was not put back as it was')
    for line in failed:
        print(line)
    print('%d cores, %d of them with the whole heap, %d of these without main arena, %d failures' %
          (runs, exact, lost, len(failed)))
    sys.exit(1 if failed or not lost else 0)


main()
