#!/usr/bin/env python3
"""What diff says survived, against the recorder's numbers (REC_NUMBER=1).

    survivors.py OLD.core NEW.core FATES.csv PRECISION RECALL

FATES.csv: `diff OLD NEW --list survived,replaced,born --format csv`. A block is the same where both
cores have one of its number at its address. Ends with 1 where fewer of the survivors are right, or
fewer of the right ones are found, than these shares.
"""
import csv
import struct
import sys

MAGIC = b"live blocks: recorder's table 2\0"
INVERTED = (1 << 64) - 1


class Core:
    def __init__(self, path):
        self.file = open(path, "rb")
        head = self.read(0, 64)
        at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        self.loads = []
        for i in range(count):
            kind, _, offset, start, _, saved, _, _ = struct.unpack("<IIQQQQQQ",
                                                                   self.read(at + 56 * i, 56))
            if kind == 1 and saved:
                self.loads.append((start, saved, offset))

    def read(self, offset, size):
        self.file.seek(offset)
        return self.file.read(size)

    def memory(self, start, size):
        for first, saved, offset in self.loads:
            if first <= start and start + size <= first + saved:
                return self.read(offset + start - first, size)
        sys.exit("survivors.py: not saved: %#x" % start)

    def numbers(self):
        """address: (usable bytes, number)"""
        for start, saved, offset in self.loads:
            if saved >= 128 and self.read(offset, len(MAGIC)) == MAGIC:
                break
        else:
            sys.exit("survivors.py: the recorder is not in this core")
        table, slots = (v ^ INVERTED for v in struct.unpack("<2Q", self.memory(start + 48, 16)))
        entries = struct.iter_unpack("<4Q", self.memory(table, slots * 32))
        return {a ^ INVERTED: (u ^ INVERTED, n ^ INVERTED) for a, _, u, n in entries if a}


def main():
    old, new = Core(sys.argv[1]).numbers(), Core(sys.argv[2]).numbers()
    right = wrong = missed = known = 0
    for row in csv.DictReader(open(sys.argv[3], newline="")):
        block = new.get(int(row["address"], 16))
        if block is None:
            continue  # malloc's own user, not the program: before the recorder, or its own
        before = old.get(int(row["address"], 16))
        same, told = before == block, row["fate"] == "survived"
        right += same and told
        wrong += told and not same
        missed += same and not told
        known += bool(before and before[0] == block[0] and not same)
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    print("%d blocks given out again at the same address; survivors: %d right, %d wrong, %d missed; "
          "precision %.4f, recall %.4f" % (known, right, wrong, missed, precision, recall))
    sys.exit(known < 1000 or precision < float(sys.argv[4]) or recall < float(sys.argv[5]))


main()
