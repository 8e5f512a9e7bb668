#!/usr/bin/env python3
"""callers.py COREHEAP CORE: stacks that libcoreheap_sites.so kept against the callers that the
recorder in front of it noted: of every block as doc/sites.md tells how to read the region, of some
as coreheap explains them."""
import json
import struct
import subprocess
import sys

RECORDER = b"live blocks: recorder's table 2\0"
ALL = (1 << 64) - 1


class Core:
    def __init__(self, path):
        self.bytes = open(path, "rb").read()
        at, = struct.unpack_from("<Q", self.bytes, 32)
        n, = struct.unpack_from("<H", self.bytes, 56)
        self.load = []
        for i in range(n):
            kind, _, offset, address, _, saved = struct.unpack_from("<IIQQQQ", self.bytes, at + 56 * i)
            if kind == 1 and saved:
                self.load.append((address, address + saved, offset))

    def begins(self, magic):
        for start, _, offset in self.load:
            if self.bytes.startswith(magic, offset):
                return start
        sys.exit("%r is not in the core" % magic)

    def at(self, address, size):
        out = b""
        while len(out) < size:  # of a forked process a mapping may be in several pieces
            at = address + len(out)
            piece = next((p for p in self.load if p[0] <= at < p[1]), None)
            if not piece:
                sys.exit("%#x is not in the core" % at)
            start, end, offset = piece
            out += self.bytes[offset + at - start:offset + min(end, at + size - len(out)) - start]
        return out


def recorded(core):
    control = core.begins(RECORDER)
    table, capacity = (~n & ALL for n in struct.unpack("<2Q", core.at(control + 48, 16)))
    callers = {}
    for address, _, _, caller in struct.iter_unpack("<4Q", core.at(table, capacity * 32)):
        if address:
            callers[~address & ALL] = ~caller & ALL
    return callers


def kept(core):
    region = core.begins(b"coreheap-sites\n\0")
    head = struct.unpack("<IIQQQIIIIQQQQQQQQIIIII", core.at(region, 148)[16:])
    records, entries, segments = head[12], head[13], head[21]
    stacks = {}
    for entry, in struct.iter_unpack("<Q", core.at(region + entries, segments << 16)):
        if entry:
            assert entry >> 21 << 4 not in stacks, "two entries of a block"
            at = region + records + (entry & 0x1fffff) * 32
            depth, = struct.unpack("<I", core.at(at + 8, 4))
            stacks[entry >> 21 << 4] = struct.unpack("<%dQ" % depth, core.at(at + 16, 8 * depth))
    return stacks


def main():
    core = Core(sys.argv[2])
    callers, stacks = recorded(core), kept(core)
    wrong = [a for a, caller in callers.items() if caller not in stacks.get(a, ())[1:4]]
    print(len(callers), "blocks,", len(wrong), "without their caller")
    for address in wrong[:10]:
        print(hex(address), hex(callers[address]), [hex(pc) for pc in stacks.get(address, ())])
    some = sorted(callers)[::len(callers) // 100 + 1]
    run = subprocess.run([sys.argv[1], "explain", "--json", sys.argv[2], *map(hex, some)],
                         capture_output=True, check=True)
    for row in json.loads(run.stdout)["explain"]:
        address = int(row["address"], 16)
        stack = tuple(int(frame["pc"], 16) for frame in row.get("stack", []))
        if stack != stacks.get(address):
            wrong.append(address)
            print(row["address"], "explained by another stack")
    return 1 if wrong or len(callers) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
