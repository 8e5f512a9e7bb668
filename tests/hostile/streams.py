#!/usr/bin/env python3
"""Damages compressed cores and runs coreheap on them: it must end by itself, soon, with 0, 3 or 4.

usage: streams.py COREHEAP CORE N SEED FOLDER     N streams of each kind

Damage: cut off, bits turned, bytes overwritten, removed, inserted, a part repeated or zeroed. Where a
verdict is given the definite leaks are those of the whole core; a report that tells of no trouble has
the same leaks as the whole one.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys

TOOLS = {"zstd": ["zstd", "-q", "-c"], "lz4": ["lz4", "-q", "-c"], "xz": ["xz", "-0", "-c"],
         "gzip": ["gzip", "-1", "-c"]}


def damage(data, dice):
    """One damaged copy, and what was done to it."""
    b, at = bytearray(data), dice.randrange(len(data))
    n = min(len(data) - at, dice.choice([1, 2, 8, 100, 5000]))
    kind = dice.choice(["cut", "bit", "bits", "random", "removed", "inserted", "repeated", "zeroed",
                        "header"])
    if kind == "cut":
        del b[at:]
    elif kind == "bit":
        b[at] ^= 1 << dice.randrange(8)
    elif kind == "bits":
        for _ in range(dice.randrange(2, 30)):
            b[dice.randrange(len(b))] ^= 1 << dice.randrange(8)
    elif kind == "random":
        b[at:at + n] = dice.randbytes(n)
    elif kind == "removed":
        del b[at:at + n]
    elif kind == "inserted":
        b[at:at] = dice.randbytes(n)
    elif kind == "repeated":
        b[at:at] = b[at:at + n]
    elif kind == "zeroed":
        b[at:at + n] = bytes(n)
    else:
        b[dice.randrange(min(40, len(b)))] = dice.randrange(256)
    return bytes(b), f"{kind} at {at}, {n} bytes"


def leaks(report):
    return report.get("leaks"), [f for f in report.get("findings", []) if f.get("reach")]


def judge(code, out, whole):
    """What is wrong with this run; None where nothing is."""
    if code not in (0, 3, 4):
        return f"exit status {code}"
    if code == 3:
        return "a result with exit status 3" if out else None
    report = json.loads(out)
    definite = report.get("leaks", {}).get("definite", {}).get("blocks", 0)
    if definite and leaks(report) != leaks(whole):
        return f"{definite} definite leaks that the whole core does not have"
    if code == 0 and leaks(report) != leaks(whole):
        return "another result, and no word of damage"
    return None


def main():
    coreheap, core, count, seed, folder = sys.argv[1:]
    dice, folder = random.Random(int(seed)), pathlib.Path(folder)
    whole = json.loads(subprocess.run([coreheap, "leaks", core, "--json", "--no-sites"], check=True,
                                      stdout=subprocess.PIPE).stdout)
    tally, failed = {}, 0
    for name, tool in TOOLS.items():
        packed = subprocess.run(tool, stdin=open(core, "rb"), check=True,
                                stdout=subprocess.PIPE).stdout
        for i in range(int(count)):
            bad, what = damage(packed, dice)
            path = folder / f"damaged.{name}"
            path.write_bytes(bad)
            try:
                done = subprocess.run([coreheap, "leaks", path, "--json", "--no-sites", "--strict"],
                                      capture_output=True, timeout=60)
                wrong = judge(done.returncode, done.stdout, whole)
                code = done.returncode
            except subprocess.TimeoutExpired:
                wrong, code = "no end within 60 seconds", "timeout"
            tally[code] = tally.get(code, 0) + 1
            if wrong:
                failed += 1
                keep = folder / f"failed.{seed}.{i}.{name}"
                os.replace(path, keep)
                print(f"{keep}: {what}: {wrong}")
                if code != "timeout":
                    print(done.stderr.decode(errors="replace")[-2000:])
    print(f"{sum(tally.values())} streams: " +
          ", ".join(f"{n} ended with {c}" for c, n in sorted(tally.items(), key=str)))
    return failed > 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
