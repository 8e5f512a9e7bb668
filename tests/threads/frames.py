"""Backtraces, ours against gdb's.

    gdb -nx -batch -x frames.py EXE CORE >FILE      in gdb: prints `tid,frame,pc,name`, a line a frame
    frames.py FILE CSV                              compares it with `coreheap threads --format=csv`

Each program counter must be the same. Names must be the same where gdb has one, up to what the two
choose differently among aliases of one address (__libc_pause, pause). Frames that gdb infers (inlined
calls, tail calls) have no place on the stack and are left out; it is told to go on past main.
"""
import csv
import re
import sys

try:
    import gdb
except ImportError:
    gdb = None

LIMIT = 250  # frames of a thread


def from_gdb():
    for setting in ("backtrace past-main on", "backtrace past-entry on"):
        gdb.execute("set " + setting)
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        thread.switch()
        frame, number = gdb.newest_frame(), 0
        while frame is not None and number < LIMIT:
            kind = frame.type()
            if kind not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                name = frame.name() or ""
                if kind == gdb.SIGTRAMP_FRAME:
                    name = "<signal handler called>"
                print(f"{thread.ptid[1]},{number},{frame.pc():#x},{name}")
                number += 1
            try:
                frame = frame.older()
            except gdb.error:
                break


def plain(name):
    """Without what marks versions, aliases and parts of one function."""
    name = re.sub(r"@.*|\(.*|\.(part|constprop|isra|cold|lto_priv).*", "", name)
    name = re.sub(r"^_*(GI_)?_*(libc_)?_*|_*$", "", name)
    name = re.sub(r"^memcpy_", "memmove_", name)  # one code: sysdeps/x86_64/multiarch/memmove-vec-*.S
    return "raise" if name == "gsignal" else name


def read(path):
    threads = {}
    with open(path, newline="") as lines:
        for row in csv.reader(lines):
            if row[0].isdigit():
                threads.setdefault(int(row[0]), []).append((int(row[2], 16), row[3]))
    return threads


def compare(theirs, ours):
    frames = named = 0
    wrong = []
    for tid, want in theirs.items():
        got = ours.get(tid, [])[:LIMIT]
        if [pc for pc, _ in got] != [pc for pc, _ in want]:
            wrong.append(f"thread {tid}: {len(got)} frames, gdb has {len(want)}; "
                         f"ours {[hex(pc) for pc, _ in got][:8]}, "
                         f"gdb's {[hex(pc) for pc, _ in want][:8]}")
            continue
        for number, ((_, want_name), (pc, name)) in enumerate(zip(want, got)):
            frames += 1
            if not want_name:
                continue
            named += 1
            if plain(name) != plain(want_name):
                wrong.append(f"thread {tid} frame {number} at {pc:#x}: {name}, gdb: {want_name}")
    if set(ours) != set(theirs):
        wrong.append(f"threads: {sorted(ours)}, gdb has {sorted(theirs)}")
    print("\n".join(wrong[:20] or ["no difference"]))
    print(f"{len(theirs)} threads, {frames} frames, {named} of them named by gdb")
    return bool(wrong) or not named


if gdb:
    from_gdb()
else:
    sys.exit(compare(read(sys.argv[1]), read(sys.argv[2])))
