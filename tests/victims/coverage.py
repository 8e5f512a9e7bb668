#!/usr/bin/env python3
"""usage: coverage.py CORPUS TALLY [--compare DOC | --write DOC]

Prints a row for each case of the corpus: which glibc, machine, link, core and settings, and whether
the set of used blocks and the set of leaks came out exact. TALLY has a line a case, as
tests/victims/replay.sh writes it: name, what the core lost of roots, the summary of check.py.

--compare: exits 1 where the rows between the marks in DOC are others. --write: puts them there.
"""
import os
import re
import sys

MARKS = ('<!-- rows: make coverage -->\n', '<!-- end of rows -->\n')
HEAD = ('| glibc | machine | link | core | settings | blocks | used set | leak set |\n'
        '|---|---|---|---|---|---|---|---|\n')
SUMMARY = re.compile(r'(\d+) blocks declared, \d+ rows, (\d+) used and (\d+) leak differences$')
LOST = {'': None, '--weak': 'withheld: stacks are missing in the core',
        '--no-vectors': 'withheld: vector registers are missing in the core'}


def about(folder):
    """-> {key: value} of about.txt"""
    with open(os.path.join(folder, 'about.txt')) as lines:
        return dict(line.rstrip('\n').split(': ', 1) for line in lines)


def core_of(facts):
    gdb = re.match(r'GNU gdb .* (\d+\.\d+), gcore', facts['core'])
    if gdb:
        return 'gcore, gdb ' + gdb.group(1)
    return 'kernel' if facts['core'].startswith('the kernel') else 'qemu-user'


def machine_of(facts):
    found = re.search(r', (\w+)', facts['system'])
    return {'arm64': 'aarch64'}.get(found.group(1), found.group(1)) if found else 'x86-64'


def settings_of(facts):
    words = facts['recipe'].split()
    names = [w.removeprefix('GLIBC_TUNABLES=glibc.').removeprefix('malloc.') for w in words
             if w.startswith('GLIBC_TUNABLES=')]
    if 'tests/kinds' in facts['program']:  # "kinds-dynamic space 1 truth.txt"
        names.append({'space': 'dlmopen'}[words[-3]])
    return ', '.join(names + [w.removeprefix('--') for w in words if w.startswith('--brk=')])


def row(folder, lost, summary):
    """-> (sort key, text)"""
    facts = about(folder)
    glibc = re.match(r'2\.(\d+)', facts['libc6'])
    blocks, used, leaks = (int(n) for n in SUMMARY.search(summary).groups())
    key = (machine_of(facts) != 'x86-64', machine_of(facts), int(glibc.group(1)),
           facts['program'].rsplit(', ', 1)[1], core_of(facts), settings_of(facts))
    says = (LOST[lost] if not leaks else None) or ('%d wrong' % leaks if leaks else 'exact')
    cells = (glibc.group(0), key[1], *key[3:], blocks, '%d wrong' % used if used else 'exact', says)
    return key, '| %s |\n' % ' | '.join(map(str, cells))


def rows(corpus, tally):
    with open(tally) as lines:
        found = [line.rstrip('\n').split('\t') for line in lines]
    made = sorted(row(os.path.join(corpus, name), lost, summary) for name, lost, summary in found)
    return HEAD + ''.join(text for _, text in made)


def between(text):
    """-> what is before, between and after the marks"""
    before, rest = text.split(MARKS[0])
    inside, after = rest.split(MARKS[1])
    return before + MARKS[0], inside, MARKS[1] + after


def main(args):
    if len(args) not in (2, 4):
        sys.exit(__doc__)
    new = rows(*args[:2])
    if len(args) == 2:
        print(new, end='')
        return 0
    with open(args[3]) as doc:
        before, old, after = between(doc.read())
    if args[2] == '--compare':
        differ = set(old.splitlines()) ^ set(new.splitlines())
        print(*sorted(differ), sep='\n')
        return old != new
    with open(args[3], 'w') as doc:
        doc.write(before + new + after)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
