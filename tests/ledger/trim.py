#!/usr/bin/env python3
"""trim.py COREHEAP VICTIM KIND: what malloc_trim(0) returns, estimated from a gcore of tests/victims/trim.c and
measured by /proc/PID/smaps around the call itself. Exit 1 where they differ by more than 1 % and four pages."""
import json
import os
import re
import subprocess
import sys

coreheap, victim, kind = sys.argv[1:4]
process = subprocess.Popen([victim, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def resident():
    """Anonymous pages of all mappings but stacks, in bytes; the same of the heap's own."""
    total, name = 0, ""
    for line in open("/proc/%d/smaps" % process.pid):
        m = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)", line)
        name = m[1] if m else name
        if line.startswith("Anonymous:") and name != "[stack]":
            total += int(line.split()[1]) * 1024
    return total


assert process.stdout.readline() == b"ready\n"
subprocess.run(["gcore", "-o", kind, str(process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
core = "%s.%d" % (kind, process.pid)
before = resident()
process.stdin.write(b"x")
process.stdin.flush()
assert process.stdout.readline() == b"trimmed\n"
returned = before - resident()
process.stdin.write(b"x")
process.stdin.close()
process.wait()
report = json.loads(subprocess.run([coreheap, "summary", "--json", "-q", core], stdout=subprocess.PIPE,
                                   check=True).stdout)
arenas = json.loads(subprocess.run([coreheap, "arenas", "--json", "-q", core], stdout=subprocess.PIPE,
                                   check=True).stdout)
os.unlink(core)
memory = report["memory"]
estimate, runs = memory["trimmable"], memory.get("fragmentation", {}).get("runs", 0)
off = abs(estimate - returned)
print("%-10s returned %10d, estimated %10d, off by %d; %d runs, %d free" %
      (kind, returned, estimate, off, runs, memory["free_held"]))
good = off <= max(returned // 100, 4 * 4096) and estimate == arenas["memory"]["trimmable"] == \
    sum(a["trimmable"] for a in arenas["arenas"])
sys.exit(0 if good and returned > 1 << 20 else 1)
