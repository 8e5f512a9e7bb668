#!/usr/bin/env python3
"""Takes parts out of a core and asserts that no live block is then called leaked.

usage: holes.py COREHEAP CORE COUNT SEED

CORE is changed in place and put back. For each writable segment, and for COUNT random cuts of the file:
what is called definite or indirect then must be leaked in the whole core too. Where all roots are still
there, nothing may be lost either: segments without any root are told apart by the report's own words,
so only the first is asserted. Prints a line for each failure, then a summary; exits 1 if there was one.
"""
import csv
import os
import random
import struct
import subprocess
import sys


def leaked(coreheap, core):
    """-> (set of addresses called definite or indirect, exit status)"""
    done = subprocess.run([coreheap, 'blocks', core, '--format=csv', '-q'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, text=True, check=False)
    rows = csv.DictReader(done.stdout.splitlines())
    return {r['address'] for r in rows if r['reach'] in ('definite', 'indirect')}, done.returncode


def program_headers(core):
    """-> [(offset of the header in the file, size saved, flags)] of saved PT_LOADs"""
    with open(core, 'rb') as file:
        head = file.read(64)
        phoff, = struct.unpack_from('<Q', head, 32)
        count, = struct.unpack_from('<H', head, 56)
        file.seek(phoff)
        table = file.read(56 * count)
    for i in range(count):
        kind, flags, _, _, _, size, _, _ = struct.unpack_from('<IIQQQQQQ', table, 56 * i)
        if kind == 1 and size:
            yield phoff + 56 * i, size, flags


def judge(what, coreheap, core, whole):
    got, status = leaked(coreheap, core)
    wrong = []
    if status not in (0, 3):
        wrong.append('%s: exit status %d' % (what, status))
    if got - whole:
        wrong.append('%s: %d live blocks called leaked, the first %s' %
                     (what, len(got - whole), min(got - whole)))
    return wrong


def without_segment(coreheap, core, whole):
    """Each writable segment in turn: its header says that nothing is saved."""
    for at, size, flags in list(program_headers(core)):
        if not flags & 2:
            continue
        with open(core, 'r+b') as file:
            file.seek(at + 32)
            file.write(struct.pack('<Q', 0))
        yield judge('segment at %#x taken out' % at, coreheap, core, whole)
        with open(core, 'r+b') as file:
            file.seek(at + 32)
            file.write(struct.pack('<Q', size))


def cuts(coreheap, core, whole, count, rng):
    """Random cuts: the tail is moved to another file and put back."""
    size = os.path.getsize(core)
    for i in range(count):
        at = rng.randrange(4096, size) if i % 2 else size - rng.randrange(1, min(size, 1 << 20))
        short = core + '.cut'
        subprocess.run(['cp', '--sparse=always', core, short], check=True)
        os.truncate(short, at)
        yield judge('cut at %d' % at, coreheap, short, whole)
        os.remove(short)


def main():
    coreheap, core, count, seed = sys.argv[1:]
    whole, status = leaked(coreheap, core)
    if status or not whole:
        sys.exit('%s: the whole core gives status %d and %d leaked blocks' % (core, status, len(whole)))
    runs, failed = 0, []
    for wrong in without_segment(coreheap, core, whole):
        runs += 1
        failed += wrong
    if leaked(coreheap, core)[0] != whole:
        failed.append('the core was not put back as it was')
    for wrong in cuts(coreheap, core, whole, int(count), random.Random(seed)):
        runs += 1
        failed += wrong
    for line in failed:
        print(line)
    print('%d cores, %d failures' % (runs, len(failed)))
    sys.exit(1 if failed or not runs else 0)


main()
