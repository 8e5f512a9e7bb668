#!/usr/bin/env python3
"""How right are the sites that coreheap infers? The truth is what stacks.c recorded.

    check.py COREHEAP CORE TRUTH PROGRAM [WRAPPER-RE] [-v] [--leaked] [NAME>=NUMBER...]

For every live block the site is its innermost frame that is not of the C or C++ library, stepped out
of inlined functions that are wrappers or come from system headers, by addr2line; where PROGRAM has no
line numbers, its return address. Prints shares in percent; exits 1 where a NAME is below its NUMBER.
"""
import collections
import json
import os
import re
import shutil
import struct
import subprocess
import sys

FRAMES = 16
RUNTIME = re.compile(r"/(libc|libstdc\+\+|libgcc_s|libm|ld-linux|stacks)[-.\w]*\.so|/stacks\.so")
SYSTEM = re.compile(r"^/usr/(include|lib)/")
WRAPPER = r"alloc|strn?dup|^operator new"
# binutils' loses functions that clang has inlined in several pieces, and takes a caller's line
ADDR2LINE = shutil.which("llvm-addr2line") or "addr2line"


def truth_of(path):
    blocks = {}
    size = 8 * (2 + FRAMES)
    with open(path, "rb") as f:
        while True:
            piece = f.read(size * 4096)
            if not piece:
                return blocks
            if not any(piece):
                continue
            for i in range(0, len(piece) - size + 1, size):
                words = struct.unpack_from("<%dQ" % (2 + FRAMES), piece, i)
                if words[0]:
                    blocks[~words[0] & (1 << 64) - 1] = [~w & (1 << 64) - 1 for w in words[2:] if w]


def bias_of(module):
    """Executables at fixed addresses have none: their file's type (ELF, e_type) is ET_EXEC."""
    fixed = False
    if os.path.isfile(module["path"]):
        with open(module["path"], "rb") as f:
            fixed = f.read(18)[16:17] == b"\2"
    return 0 if fixed else int(module["start"], 16)


def bare(function):
    """Its name without parameters and arguments of templates: std::allocator is no wrapper."""
    out, depth = [], 0
    for c in function:
        if c == "(" and not depth and out:
            break
        depth += c == "<"
        if not depth:
            out.append(c)
        depth -= c == ">"
    return "".join(out)


class Lines:
    """Positions of return addresses in one module, by addr2line."""

    def __init__(self, path, wrapper):
        self.path, self.wrapper, self.known = path, wrapper, {}

    def look_up(self, offsets):
        wanted = [o for o in offsets if o not in self.known]
        if not wanted:
            return
        run = subprocess.run([ADDR2LINE, "-a", "-f", "-i", "-C", "-e", self.path],
                             input="\n".join("0x%x" % (o - 1) for o in wanted),
                             capture_output=True, text=True, check=True)
        lists, lines = [], run.stdout.splitlines()
        i = 0
        while i < len(lines):
            if lines[i].startswith("0x"):
                lists.append([])
                i += 1
                continue
            lists[-1].append((lines[i], os.path.normpath(lines[i + 1].split(" (")[0])))
            i += 2
        for offset, frames in zip(wanted, lists):
            self.known[offset] = self.choose(frames)

    def choose(self, frames):
        """file:line, or None: of a wrapper; '' without lines."""
        if frames[0][1].startswith("??"):
            return None if self.wrapper.search(bare(frames[0][0])) else ""
        for function, where in frames:
            if not SYSTEM.search(where) and not self.wrapper.search(bare(function)):
                return os.path.basename(where)
        return None


def main():
    args = sys.argv[1:]
    verbose = "-v" in args
    leaked = "--leaked" in args
    floors = [a.split(">=") for a in args if ">=" in a]
    args = [a for a in args if not a.startswith("-") and ">=" not in a]
    coreheap, core, truth, program = args[:4]
    wrapper = re.compile(args[4] if len(args) > 4 else WRAPPER)
    summary = json.loads(subprocess.run([coreheap, "summary", "--json", core], capture_output=True,
                                        text=True, check=True).stdout)
    modules = summary["modules"]
    starts = []
    for m in modules:
        starts.append((int(m["start"], 16), int(m["end"], 16), m["path"], bias_of(m)))
    positions = {m["path"]: Lines(m["path"], wrapper) for m in modules}
    blocks = truth_of(truth)

    def module_of(address):
        for start, end, path, bias in starts:
            if start <= address < end:
                return bias, path
        return None

    places = collections.defaultdict(set)
    for frames in blocks.values():
        for address in frames:
            m = module_of(address)
            if m and not RUNTIME.search(m[1]):
                places[m[1]].add(address - m[0])
    for path, offsets in places.items():
        positions[path].look_up(sorted(offsets))

    def true_site(frames):
        for address in frames:
            m = module_of(address)
            if not m:
                return None
            if RUNTIME.search(m[1]):
                continue
            place = positions[m[1]].known[address - m[0]]
            if place is None:
                continue
            return place or "%s+0x%x" % (os.path.basename(m[1]), address - m[0])
        return None

    def said(text):
        match = re.search(r"\(([^()]*)\)$", text)
        return match.group(1) if match else text

    n = top1 = top3 = likely = right = 0
    sites = collections.defaultdict(lambda: [0, 0, 0, 0, 0, collections.Counter()])
    command = [coreheap, "blocks", "--format=jsonl", "--state", "used", core]
    if leaked:
        command[3:3] = ["--reach", "leaked"]
    run = subprocess.run(command, capture_output=True, text=True)
    for line in run.stdout.splitlines():
        block = json.loads(line)
        frames = blocks.get(int(block["address"], 16))
        site = true_site(frames) if frames else None
        if not site:
            continue
        guesses = [said(block["site"])] if "site" in block else []
        guesses += [said(c) for c in block.get("site_candidates", [])]
        n += 1
        s = sites[site]
        s[0] += 1
        s[5][guesses[0] if guesses else "-"] += 1
        if guesses and guesses[0] == site:
            top1 += 1
            s[1] += 1
        if site in guesses[:3]:
            top3 += 1
            s[2] += 1
        if "site" in block:
            likely += 1
            s[3] += 1
            right += guesses[0] == site
            s[4] += guesses[0] == site
    if verbose:
        for site, s in sorted(sites.items(), key=lambda i: -i[1][0]):
            print("%-32s %6d top1 %5.1f top3 %5.1f likely %5.1f right %5.1f  %s" % (
                site, s[0], 100 * s[1] / s[0], 100 * s[2] / s[0], 100 * s[3] / s[0],
                100 * s[4] / s[3] if s[3] else 100,
                ", ".join("%s %d" % c for c in s[5].most_common(3) if c[0] != site)))
    per = lambda a, b: 100 * a / b if b else 0
    result = {"blocks": n, "sites": len(sites), "top1": per(top1, n), "top3": per(top3, n),
              "site1": sum(per(s[1], s[0]) for s in sites.values()) / max(1, len(sites)),
              "site3": sum(per(s[2], s[0]) for s in sites.values()) / max(1, len(sites)),
              "likely": per(likely, n), "right": per(right, likely) if likely else 100.0}
    print(" ".join("%s %s" % (k, v if isinstance(v, int) else "%.1f" % v) for k, v in result.items()))
    bad = [(k, v) for k, v in floors if result[k] < float(v)]
    for k, v in bad:
        print("%s is below %s" % (k, v))
    sys.exit(1 if bad or not n else 0)


main()
