#!/usr/bin/env python3
"""Compares `coreheap blocks --format=csv` with what a victim declared.

usage: check.py [--weak|--no-vectors] TRUTH BLOCKS.csv

TRUTH (plain or .gz) has a line a block, `address requested usable class label#group`, and notes,
`# threads N` and `# exited N`. Every block that lives must be there, used, with its usable size and
its reach; blocks that were freed must not. Blocks that the victim does not know may only be the few
that libc makes at start-up, for each thread and (`# loader N`) for libraries loaded later.

With --weak the stacks of threads are missing from the core (gdb loses them): they could hold any
block, so each leak has to be called possible, and so may what only a thread held. With --no-vectors
the vector registers are: each leak has to be called possible, what they held too, and nothing else.

Prints one line for each difference, then a summary; exits 1 where there is a difference.
"""
import csv
import gzip
import sys

LEAKED = ('definite', 'indirect')
# Usable size of a tcache_perthread_struct of glibc 2.26 to 2.29. A thread of 2.26 that ends makes one
# more and forgets it (glibc bug 22111): used, and no one's. It may lie where a freed block was.
FORGOTTEN_TCACHE = 584
ALLOWED = {
    'live': ('reachable',),
    'possible': ('possible',),
    'leaked-definite': ('definite',),
    'leaked-indirect': ('indirect',),
    'leaked': LEAKED,
}

THREAD_HELD = ('held-by-red-zone', 'held-by-red-zone-end', 'held-by-stack', 'held-by-tls',
               'held-by-key')
VECTOR_HELD = ('held-by-xmm', 'held-by-ymm-high', 'held-by-zmm-high', 'held-by-zmm16-31')
HELD = {'--weak': (THREAD_HELD, ('reachable', 'possible')), '--no-vectors': (VECTOR_HELD, ('possible',))}


def read_truth(path):
    """-> ({address: (usable, class, label)}, {note: value})"""
    blocks, notes = {}, {}
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt') as lines:
        for line in lines:
            if line.startswith('#'):
                _, key, value = line.split()
                notes[key] = int(value)
                continue
            address, _, usable, cls, label = line.split()
            address = int(address, 16)
            if address in blocks and blocks[address][1] != 'freed':
                sys.exit('%s: %#x is declared twice' % (path, address))
            blocks[address] = (int(usable), cls, label)
    return blocks, notes


def read_blocks(path):
    """-> {address: (size, state, reach, kind)}; also asserts what the format promises."""
    blocks, last = {}, -1
    with open(path, newline='') as rows:
        for row in csv.DictReader(rows):
            address = int(row['address'], 16)
            if address <= last:
                sys.exit('%s: %#x is not above the row before it' % (path, address))
            last = address
            blocks[address] = (int(row['size']), row['state'], row['reach'], row['kind'])
    return blocks


def check_block(address, truth, got, weak):
    """-> what differs (of the used set, of the leak set: else None)"""
    usable, cls, label = truth
    if cls == 'freed':
        used = got and got[1] == 'used' and (got[0] == usable or got[0] != FORGOTTEN_TCACHE)
        return 'is called used' if used else None, None
    if not got:
        return 'is missing', None
    if got[1] != 'used':
        return 'is called ' + got[1], None
    if got[0] != usable:
        return 'has size %d' % got[0], None
    allowed = ALLOWED[cls]
    if weak and cls != 'live':
        allowed = ('possible',)
    if weak and label.split('#')[0] in HELD[weak][0]:
        allowed = HELD[weak][1]
    if got[2] not in allowed:
        return None, 'is called %s' % (got[2] or 'nothing')
    return None, None


def check_groups(truth, got):
    """A cycle has one head: yields the groups where not exactly one block is definite."""
    heads = {}
    for address, (_, cls, label) in truth.items():
        if cls == 'leaked':
            heads.setdefault(label, [0, address])
            heads[label][0] += got.get(address, (0, '', '', ''))[2] == 'definite'
    for label, (count, address) in heads.items():
        if count != 1:
            yield '%#x leaked %s: its cycle has %d definite blocks, not 1' % (address, label, count)


def check_unknown(truth, notes, got):
    """Used blocks that the victim does not know: libc's, few and small."""
    unknown = [(a, b) for a, b in got.items()
               if b[1] == 'used' and (a not in truth or truth[a][1] == 'freed')]
    allowed = 6 + 3 * (notes.get('threads', 1) + notes.get('exited', 0)) + notes.get('loader', 0)
    for address, (size, *_) in unknown:
        if size > 4096:
            yield '%#x used, %d bytes: the program has no such block' % (address, size)
    if len(unknown) > allowed:
        yield '%d used blocks that the program does not have, more than %d: %s' % (
            len(unknown), allowed, ' '.join('%#x/%d' % (a, b[0]) for a, b in unknown[:20]))


def check(truth, notes, got, weak=None):
    """-> a line for each difference: in the used set, in the leak set"""
    wrong = [], []
    for address, declared in sorted(truth.items()):
        differences = check_block(address, declared, got.get(address), weak)
        for lines, difference in zip(wrong, differences):
            if difference:
                lines.append('%#x %d %s %s: %s' % (address, *declared, difference))
    if not weak:
        wrong[1].extend(check_groups(truth, got))
    wrong[0].extend(check_unknown(truth, notes, got))
    return wrong


def main(args):
    weak = next((a for a in args if a in HELD), None)
    args = [a for a in args if a != weak]
    if len(args) != 2:
        sys.exit(__doc__)
    truth, notes = read_truth(args[0])
    if len(truth) < 100:
        sys.exit('%s: only %d blocks are declared' % (args[0], len(truth)))
    got = read_blocks(args[1])
    used, leaks = check(truth, notes, got, weak)
    for line in (used + leaks)[:200]:
        print(line)
    print('%d blocks declared, %d rows, %d used and %d leak differences' % (
        len(truth), len(got), len(used), len(leaks)))
    return 1 if used or leaks else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
