#!/usr/bin/env python3
"""Holds `coreheap` against what tests/victims/damage.c did to its heap.

usage: damage.py TRUTH BLOCKS.csv REPORT.json

REPORT.json is `coreheap summary --json` of the same core. The damage has to be a finding that names
the damaged block and, where the victim says so, the block in front of it; of the blocks beside the
damaged one at least 99 % have to be exact: address, size, state, reach; nothing that lives may be
called leaked; and the verdict has to say what share of the heap it rests on.

Prints what differs, then one line of numbers; exits 1 where a promise is not kept.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check  # noqa: E402


def named(findings, damaged, front):
    """-> is there a finding of corruption at the damaged block, with the block in front?"""
    for f in findings:
        if f['kind'] != 'corruption' or int(f.get('at', '0'), 16) != damaged:
            continue
        if front is None or int(f.get('neighbour', {}).get('address', '0'), 16) == front:
            return True
    return False


def differences(truth, notes, got):
    """-> (lines that differ, live blocks that are called leaked)"""
    damaged, front = notes['damaged'], notes.get('front')
    wrong, false = [], 0
    for address, declared in sorted(truth.items()):
        if address == damaged:
            continue
        difference = next(filter(None, check.check_block(address, declared,
                                                          got.get(address), False)), None)
        if difference:
            wrong.append('%#x %d %s %s: %s' % (address, *declared, difference))
            leaked = got.get(address, (0, '', ''))[2] in check.LEAKED
            false += leaked and declared[1] == 'live'
    unknown = [a for a, b in got.items()
               if b[1] == 'used' and a != damaged and (a not in truth or truth[a][1] == 'freed')]
    for address in unknown[6 + 3 * notes['threads']:]:
        wrong.append('%#x is called used, and the program has no such block' % address)
    return wrong, false


def extent(truth, notes, got):
    """The damaged block, where it is listed, is listed as it is."""
    block = got.get(notes['damaged'])
    declared = truth.get(notes['damaged'])
    if block and declared and declared[1] == 'live' and block[:2] != (declared[0], 'used'):
        return 'the damaged block is given as %s, %d bytes; it has %d' % (
            block[1], block[0], declared[0])
    return None


def main(args):
    if len(args) != 3:
        sys.exit(__doc__)
    truth, notes = check.read_truth(args[0])
    got = check.read_blocks(args[1])
    with open(args[2]) as file:
        report = json.load(file)
    findings = report.get('findings', [])
    corrupt = [f for f in findings if f['kind'] == 'corruption']
    wrong, false = differences(truth, notes, got)
    for line in wrong[:50]:
        print(line)
    bad = []
    if not named(findings, notes['damaged'], notes.get('front')):
        bad.append('the damaged block %#x (front: %#x) is not named' % (
            notes['damaged'], notes.get('front', 0)))
        for f in corrupt:
            print(f.get('at'), f.get('neighbour'), f['code'], f['message'])
    if len(truth) < 1000:
        bad.append('only %d blocks are declared' % len(truth))
    if len(wrong) * 100 > len(truth):
        bad.append('%d of %d blocks are not exact' % (len(wrong), len(truth)))
    if extent(truth, notes, got):
        bad.append(extent(truth, notes, got))
    if false:
        bad.append('%d blocks are falsely called leaked' % false)
    if not re.search(r'heap is damaged .*\d%', report['verdict']['text']):
        bad.append('the verdict does not say what it rests on: ' + report['verdict']['text'])
    if 'coverage' not in report.get('input', {}).get('completeness', {}):
        bad.append('no coverage')
    for line in bad:
        print('NOT KEPT: ' + line)
    coverage = report.get('input', {}).get('completeness', {}).get('coverage', 0)
    print('%.2f %% of %d blocks exact, %.2f %% of the heap walked; %d findings of corruption: %s' % (
        100 * (1 - len(wrong) / len(truth)), len(truth), 100 * coverage, len(corrupt),
        ' '.join(sorted({f['code'] for f in corrupt}))))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
