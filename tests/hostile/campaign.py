#!/usr/bin/env python3
"""Damages the executable or a library of a core in many ways and runs coreheap on the core with each.

usage: campaign.py [-v] [-n COUNT] [-s SEED] [-k NAMES] [-o MESSAGES] COREHEAP CORE FILE PATH SCRATCH

FILE is what the process had mapped from PATH. Each damaged copy goes to SCRATCH/root/PATH, and coreheap looks
for it there (--sysroot). Every named damage is tried (-k: those of which the name holds it), then COUNT random
ones. A core stays a core: the exit status must be 0, within 10 seconds of a processor and MEMORY, with JSON
that can be read and the same leaked blocks, whatever the file says. What fails is kept in SCRATCH as fail-NAME.
-o: appends each message that was not seen yet, numbers aside, and which damage it was first said of. -v: says
how long and large each run was. Prints a line for each failure, then a summary; exits 1 if there was one.
"""
import getopt
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import binaries

SECONDS, MEMORY = 10, 768 << 20  # of a processor; bytes of resident memory
COMMANDS = (('leaks', '--json'), ('blocks', '--json'), ('explain', '--json'), ('check',), ('summary', '--json'),
            ('threads', '--json'), ('leaks',), ('explain',))


def bound():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(words):
    """-> exit status, standard output, standard error, seconds of a processor, resident bytes at most"""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=bound)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return (child.returncode, out.read(), err.read().decode(errors='backslashreplace'),
                used.ru_utime + used.ru_stime, used.ru_maxrss << 10)


def leaked(text):
    told = json.loads(text)
    return {k: told['leaks'][k] for k in ('definite', 'indirect')} if 'leaks' in told else None


class Campaign:
    def __init__(self, coreheap, core, path, scratch, messages, verbose):
        self.coreheap, self.core, self.messages, self.verbose = coreheap, core, messages, verbose
        self.scratch, self.root = scratch, os.path.join(scratch, 'root')
        self.path = os.path.join(self.root, path.lstrip('/'))
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.seen, self.failed, self.runs = set(), 0, 0
        self.most = [0, '', 0, '']

    def place(self, content):
        with open(self.path, 'wb') as file:
            file.write(content)

    def words(self, command):
        words = [self.coreheap, command[0], self.core, '--no-cache', '--sysroot', self.root, *command[1:]]
        return words + (self.blocks if command[0] == 'explain' else [])

    def measure(self, good):
        """What the undamaged file gives, and a few blocks to ask for."""
        self.place(good)
        self.blocks = []
        listing = run(self.words(('blocks', '--format=csv', '--state=used')))[1].decode().splitlines()[1:]
        self.blocks = [line.split(',')[0] for line in listing[::len(listing) // 40 + 1]]
        self.leaked = leaked(run(self.words(('leaks', '--json')))[1])
        return bool(self.blocks and self.leaked)

    def judge(self, command, status, out, seconds, size):
        if status == -signal.SIGKILL or status == -signal.SIGXCPU:
            return 'took over %d seconds of a processor' % SECONDS
        if status:
            return 'ended with %d' % status
        if size > MEMORY and not os.environ.get('SAN'):
            return 'took %d MiB' % (size >> 20)
        if '--json' not in command:
            return None
        try:
            if command[0] == 'leaks' and leaked(out) != self.leaked:
                return 'other leaks: %s' % leaked(out)
            json.loads(out)
        except (ValueError, KeyError) as problem:
            return 'no JSON: %s' % problem
        return None

    def note(self, name, command, said):
        """Keeps what was not said yet."""
        for line in said.splitlines():
            plain = re.sub(r'0x[0-9a-f]+|\b[0-9a-f]{16,}\b|\d[\d,.]*', 'N', line.replace(self.path, 'FILE'))
            if plain not in self.seen:
                self.seen.add(plain)
                if self.messages:
                    with open(self.messages, 'a') as file:
                        print('%s\t%s\t%s' % (name, command[0], line.replace(self.path, 'FILE')), file=file)

    def try_one(self, name, content, command):
        self.place(content)
        status, out, said, seconds, size = run(self.words(command))
        self.runs += 1
        wrong = self.judge(command, status, out, seconds, size)
        self.note(name, command, said + (out.decode(errors='backslashreplace') if command == ('check',) else ''))
        if self.verbose:
            print('%-32s %-16s %6.2f s %5d MiB  %s' % (name, ' '.join(command), seconds, size >> 20,
                                                      said.partition('\n')[0][len(self.core) + 12:]), flush=True)
        if seconds > self.most[0]:
            self.most[:2] = seconds, name
        if size > self.most[2]:
            self.most[2:] = size, name
        if wrong:
            self.failed += 1
            kept = os.path.join(self.scratch, 'fail-' + name)
            shutil.copy(self.path, kept)
            print('%s: %s: %s' % (kept, wrong, ' '.join(self.words(command)[:8])))
            print(said[:2000], flush=True)


def main():
    options, words = getopt.getopt(sys.argv[1:], 'vn:s:k:o:')
    given = dict(options)
    coreheap, core, path, at, scratch = words
    with open(path, 'rb') as file:
        good = file.read()
    campaign = Campaign(coreheap, core, at, scratch, given.get('-o'), '-v' in given)
    if not campaign.measure(good):
        sys.exit('the undamaged file gives nothing')
    rng = random.Random(given.get('-s', '1'))
    turn = rng.randrange(len(COMMANDS))
    for name in binaries.DAMAGES:
        if given.get('-k', '') in name:
            turn += 1
            content = binaries.named(good, name)
            for command in COMMANDS[:3] if '-k' in given else (COMMANDS[turn % len(COMMANDS)],):
                campaign.try_one(name, content, command)
    for i in range(int(given.get('-n', 0))):
        content = binaries.damaged(good, random.Random('%s-%d' % (given.get('-s', '1'), i)))
        campaign.try_one('random-%s-%d' % (given.get('-s', '1'), i), content, rng.choice(COMMANDS))
    print('%d runs, %d failed; at most %.2f s (%s), %d MiB (%s)' % (
        campaign.runs, campaign.failed, campaign.most[0], campaign.most[1], campaign.most[2] >> 20, campaign.most[3]))
    sys.exit(1 if campaign.failed else 0)


main()
