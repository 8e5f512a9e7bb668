#!/usr/bin/env python3
"""Checks each core that flight.py took: tests/victims/check.py, and what a process in the middle of
malloc may look like otherwise.

usage: flight_check.py COREHEAP TRUTH STOPS CORE...

- Each block that lives and rests is used, with its size, and reachable.
- Each that is leaked is definite, or possible where a register or a word of a stack leads into it:
  malloc's own pointers to the header behind it.
- Each that is free and rests is free, but those in fastbins while malloc_consolidate has their list.
- Nobody else's block is called leaked, but the one that is under way.
- Used blocks that the truth has not are libc's, or one that flight() asked for.
- That malloc was under way is said where it was, and nowhere else, with the arenas that are locked;
  without libc's file, by their locks alone.

Prints a line for each difference, then a summary. Exits 1 where there is a difference.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'victims'))
import check  # noqa: E402

FASTBIN = 120  # usable bytes of the largest chunk that goes to a fastbin
SYSTEM = re.compile(r'in (\? < )?(__GI_)?_*(mmap|munmap|madvise|mprotect|s?brk)')  # system calls
LARGE = (9000, 100000, 300000)  # requests of flight() above check.py's limit


def run(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kept_by_thread(coreheap, core, address):
    """Does a register or a stack hold it?"""
    said = run(coreheap, 'explain', core, address).stdout
    found = re.search(r'^  path .*\n((?:    .*\n)+)', said, re.M)
    first = found.group(1).split('\n')[0] if found else said
    return bool(re.search(r'register|stack', first)), first


def strangers(truth, got):
    """-> used blocks that are called leaked and that the truth has not"""
    return ['%#x of %d bytes' % (a, b[0]) for a, b in got.items()
            if b[2] in check.LEAKED and (a not in truth or truth[a][1] == 'freed')]


def check_warning(said, stop, locks, facts):
    """-> [text]: malloc was under way, and that was not said, or the other way round"""
    within = stop.startswith('in')
    where = re.search(r'thread \d+ was in (\w+)(, called by \w+)?', said)
    lock = re.search(r'arena \d+ was locked|(\d+) arenas were locked', said)
    number = lock and int(lock.group(1) or 1) or 0
    facts['named'], facts['locked'] = bool(where), bool(lock)
    if (where or lock) and 'when the core was taken' not in said:
        return ['it says only: ' + said]
    if locks != '-' and int(locks) != number:
        return ['%s arenas are locked, it says %d' % (locks, number)]
    nameless = lock and re.match(r'in [? <]*( consolidate\?)?$', stop)  # no function has a name here
    if within and not where and not nameless and not SYSTEM.match(stop):
        return ['that malloc is under way is not said']
    return ['it says: ' + said] if (where or lock) and not within else []


def check_locks_alone(coreheap, core):
    """-> [text]: with a build-id that no file here has, the lock still tells"""
    libc = json.loads(run(coreheap, 'check', '--json', core).stdout)['process']['libc']
    with tempfile.NamedTemporaryFile() as copy, open(core, 'rb') as file:
        copy.write(file.read().replace(bytes.fromhex(libc['build_id']), b'\1' * 20))
        copy.flush()
        said = run(coreheap, 'blocks', '--format=csv', '--no-sites', copy.name).stderr
    if re.search(r': arena \d+ was locked when the core was taken', said):
        return []
    return ['without a file of libc it says: ' + said]


def differences(coreheap, core, truth, notes, locks, stop):
    """-> [text], facts"""
    with tempfile.NamedTemporaryFile('w', suffix='.csv') as rows:
        made = run(coreheap, 'blocks', '--format=csv', '--no-sites', core)
        if made.returncode:
            return ['is not read: ' + made.stderr], {}
        rows.write(made.stdout)
        rows.flush()
        got = check.read_blocks(rows.name)
    strange = strangers(truth, got)
    facts = {'possible': 0, 'lent': 0, 'strange': len(strange)}
    wrong = check_warning(made.stderr, stop, locks, facts)
    used, leaks = check.check(truth, notes, got)
    for line in used:
        large = re.search(r' used, (\d+) bytes: the program has no such block', line)
        if large and any(n <= int(large.group(1)) < n + 5000 for n in LARGE):
            continue
        freed = re.match(r'0x\w+ (\d+) freed arena#\d+: is called used$', line)
        if freed and int(freed.group(1)) <= FASTBIN and 'consolidate' in stop:
            facts['lent'] += 1
            continue
        wrong.append(line)
    for line in leaks:
        if ' leaked-definite ' in line and line.endswith(': is called possible'):
            by_thread, first = kept_by_thread(coreheap, core, line.split()[0])
            facts['possible'] += 1
            if by_thread:
                continue
            line += ', held by' + first
        wrong.append(line)
    if len(strange) > (1 if stop.startswith('in') else 0):
        wrong.append('leaked, and not in the truth: %s' % strange)
    return wrong, facts


def main(args):
    if len(args) < 4:
        sys.exit(__doc__)
    coreheap, truth_path, stops_path = args[:3]
    truth, notes = check.read_truth(truth_path)
    with open(stops_path) as lines:
        stops = dict(line.rstrip('\n').split(None, 2)[1:] for line in lines if line.startswith('stop '))
    if '_int_' not in ''.join(stops.values()):  # libc's own functions have no names here
        stops = {key: stop + ' consolidate?' for key, stop in stops.items()}
    bad, sums, alone = 0, {}, None
    for core in args[3:]:
        where, locks, names = stops[core.rsplit('.', 1)[1]].split(' ', 2)
        wrong, facts = differences(coreheap, core, truth, notes, locks, where + ' ' + names)
        if facts.get('locked') and not alone:
            alone = core
            wrong += check_locks_alone(coreheap, core)
        for line in wrong[:5]:
            print('%s (%s %s): %s' % (os.path.basename(core), where, names, line))
        bad += bool(wrong)
        for key, n in facts.items():
            sums[key] = sums.get(key, 0) + n
    print('%d cores, %d wrong; %s' % (
        len(args) - 3, bad, ', '.join('%d %s' % (n, key) for key, n in sorted(sums.items()))))
    return 1 if bad or not sums.get('named') or not alone else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
