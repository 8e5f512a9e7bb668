#!/usr/bin/env python3
"""Takes two cores of one process that runs under the recorder and does not move between them.

    dump.py PID FOLDER [FILE]

waits until the program has made FILE, or, where none is named, until it holds (REC_HOLD); then
writes FOLDER/gcore (gdb's snapshot), FOLDER/kernel (the kernel's core: the process ends by it) and
FOLDER/maps, FOLDER/smaps of the same moment. Where the kernel writes no cores here, it says so on
standard error, ends the process and leaves FOLDER/kernel out.

The process is asked to hold at its next operation on the heap; where none comes (a server that waits
for requests) it is stopped between two. gdb then attaches, takes its snapshot, and lets one thread
go with a signal that is fatal to it, while all others stay where they are.
"""
import glob
import os
import resource
import signal
import struct
import subprocess
import sys
import time

MAGIC = b"live blocks: recorder's table 2\0"
PATIENCE = 60  # seconds
CANDIDATES = [signal.SIGQUIT, signal.SIGABRT, signal.SIGSYS, signal.SIGXCPU, signal.SIGXFSZ,
              signal.SIGTRAP, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV]

SCRIPT = """maint set internal-error quit yes
maint set internal-error corefile no
set print thread-events off
gcore %s
"""
SWITCH = """python
for t in gdb.selected_inferior().threads():
    if t.ptid[1] == %d:
        t.switch()
end
"""
# A process that was stopped when gdb came may have one more SIGSTOP to take before any other signal:
# then it is let go, still in the kernel, a second time. Some gdb 13 fails an assertion when all threads
# have died under it; it has nothing left to do then.
KILL = """set scheduler-locking on
while $_thread != 0
signal %s
end
"""


def fail(text):
    sys.exit("dump.py: " + text)


class Control:
    """The head of the recorder's control mapping, in the running process."""

    def __init__(self, pid):
        self.pid, self.at = pid, None
        self.mem = open("/proc/%d/mem" % pid, "r+b", buffering=0)

    def find(self):
        for line in open("/proc/%d/maps" % self.pid):
            start, rest = line.split("-", 1)
            if rest.split()[1].startswith("rw") and self.peek(int(start, 16)) == MAGIC:
                self.at = int(start, 16)
        return self.at is not None

    def peek(self, address):
        try:
            self.mem.seek(address)
            return self.mem.read(len(MAGIC))
        except OSError:
            return b""

    def state(self):
        self.mem.seek(self.at + len(MAGIC))
        return struct.unpack("4I", self.mem.read(16))  # lock, request, held, broken

    def ask(self, request):
        self.mem.seek(self.at + len(MAGIC) + 4)
        self.mem.write(struct.pack("I", request))


def status(pid):
    fields = {}
    for line in open("/proc/%d/status" % pid):
        key, value = line.split(":", 1)
        fields[key] = value.strip()
    return fields


def stopped(pid):
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, task)) as f:
            if f.read().rsplit(")", 1)[1].split()[0] not in "TtXZ":
                return False
    return True


def stop_between_operations(pid, control):
    """Stops the process while nobody is inside an operation on the heap."""
    for _ in range(200):
        os.kill(pid, signal.SIGSTOP)
        while not stopped(pid):
            time.sleep(0.002)
        lock, _, held, broken = control.state()
        if broken:
            fail("a limit of the recorder was passed")
        if held or lock == 0:
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
    fail("process %d is always inside an operation" % pid)


def fatal_signal(pid):
    """A thread, and a signal that ends it with a core: it is not caught, ignored or blocked."""
    for task in sorted(map(int, os.listdir("/proc/%d/task" % pid)), key=lambda task: task != pid):
        fields, taken = status(task), 0
        for key in ("SigCgt", "SigIgn", "SigBlk"):
            taken |= int(fields[key], 16)
        for candidate in CANDIDATES:
            if not taken >> (candidate - 1) & 1:
                return task, candidate.name
    fail("process %d takes all signals" % pid)


def kernel_core_name(pid):
    """Where the kernel will write, as a glob; None where it will not."""
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    if not pattern or pattern[0] == "|":
        return None
    if "%p" not in pattern and open("/proc/sys/kernel/core_uses_pid").read().strip() != "0":
        pattern += ".%p"
    name, i = "", 0
    while i < len(pattern):
        if pattern[i] == "%":
            i += 1
            code = pattern[i:i + 1]
            name += {"p": str(pid), "P": str(pid), "%": "%"}.get(code, "*")
        else:
            name += pattern[i]
        i += 1
    return os.path.join(os.readlink("/proc/%d/cwd" % pid), name)


def await_moment(pid, ready):
    """Until the program has made the file `ready`, or holds by itself."""
    end = time.time() + PATIENCE
    while time.time() < end:
        try:
            if not ready:
                control = Control(pid)
                if control.find() and control.state()[2]:
                    return control
            elif os.path.exists(ready):
                control = Control(pid)
                if not control.find():
                    fail("process %d does not run under the recorder" % pid)
                return control
            if status(pid)["State"][0] in "ZX":
                fail("process %d has ended too early" % pid)
        except (FileNotFoundError, ProcessLookupError):
            fail("process %d has ended too early" % pid)
        time.sleep(0.02)
    fail("process %d did not get ready in %d seconds" % (pid, PATIENCE))


def main():
    if len(sys.argv) not in (3, 4):
        fail("usage: dump.py PID FOLDER [FILE]")
    pid, folder = int(sys.argv[1]), sys.argv[2]
    control = await_moment(pid, sys.argv[3] if len(sys.argv) == 4 else None)
    wait = time.time() + 0.3
    control.ask(1)
    while not control.state()[2] and time.time() < wait:
        time.sleep(0.01)
    stop_between_operations(pid, control)
    for name in ("maps", "smaps"):
        with open("/proc/%d/%s" % (pid, name)) as f, open(os.path.join(folder, name), "w") as out:
            out.write(f.read())
    where = kernel_core_name(pid)
    hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1]
    resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))
    if hard != resource.RLIM_INFINITY:
        where = None
    for old in glob.glob(where) if where else []:
        os.unlink(old)
    log = os.path.join(folder, "gdb.log")
    script = os.path.join(folder, "gdb.script")
    with open(script, "w") as out:
        out.write(SCRIPT % os.path.join(folder, "gcore"))
        if where:
            task, name = fatal_signal(pid)
            if task != pid:
                out.write(SWITCH % task)
            out.write(KILL % name)
    with open(log, "w") as out:
        subprocess.run(["gdb", "-nx", "-batch", "-iex", "set auto-solib-add off",
                        "-iex", "set debuginfod enabled off", "-iex", "set auto-load no",
                        "-p", str(pid), "-x", script],
                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=120, cwd="/")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if not os.path.exists(os.path.join(folder, "gcore")):
        fail("gdb took no snapshot: " + open(log).read()[-1000:])
    if not where:
        print("dump.py: the kernel writes no cores here", file=sys.stderr)
        return
    for _ in range(100):
        found = glob.glob(where)
        if found:
            break
        time.sleep(0.1)
    else:
        fail("no kernel core appeared at " + where + ": " + open(log).read()[-1000:])
    while not gone(pid):
        time.sleep(0.02)
    os.rename(found[0], os.path.join(folder, "kernel"))


def gone(pid):
    """Ended: its core is whole."""
    try:
        return status(pid)["State"][0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


main()
