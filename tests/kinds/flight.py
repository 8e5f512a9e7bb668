"""gdb -batch -x flight.py PROGRAM: stops PROGRAM in flight() every so many instructions and takes a
core each time. Environment: FLIGHT_OUT folder, FLIGHT_TRUTH file, FLIGHT_STEPS instructions between
two cores, FLIGHT_CORES how many at most. Prints a line a core: its number, "in" where libc's code
runs (flight() calls nothing of it but malloc's functions and memset), else "out", how many arenas
are locked ("-" without libc's debug information), the functions."""
import os

import gdb

out, steps = os.environ['FLIGHT_OUT'], os.environ['FLIGHT_STEPS']


def locked():
    try:
        main = gdb.parse_and_eval('&main_arena')
        return '%d' % (bool(main['mutex']) + bool(main['next']['mutex']))
    except gdb.error:
        return '-'


gdb.execute('set pagination off')
gdb.execute('set confirm off')
gdb.execute('break flight')
gdb.execute('break park')  # behind flight(): stepping into its pause() would never end
gdb.execute('run flight 200 ' + os.environ['FLIGHT_TRUTH'])
gdb.execute('set scheduler-locking on')
for i in range(int(os.environ['FLIGHT_CORES'])):
    gdb.execute('stepi ' + steps, to_string=True)
    frame, names = gdb.newest_frame(), []
    where = 'in' if 'libc' in (gdb.solib_name(frame.pc()) or '') else 'out'
    while frame and frame.name() not in ('flight', 'take'):
        names.append(frame.name() or '?')
        frame = frame.older()
    if not frame:
        break
    if frame.name() == 'take':
        where = 'out'
    gdb.execute('generate-core-file %s/flight.%03d' % (out, i), to_string=True)
    print('\nstop %03d %s %s %s' % (i, where, locked(), ' < '.join(names)))
gdb.execute('kill')
