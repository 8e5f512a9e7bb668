#!/usr/bin/env bash
# Damaged cores: whatever a core holds, the program ends by itself, soon, with a plain exit status.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 sqlite3 perl

if reason=$(core_forbidden); then
	skip_all "$reason"
fi
ok 'a core of perl' kernel_core perl.core perl -e '
	$h{$_} = [$_, "x" x ($_ % 99)] for 1..2000; kill ABRT => $$; sleep 1'
ok 'perl: 100 damaged cores' python3 "$SRC/tests/hostile/mutate.py" "$COREHEAP" perl.core 100 1 .
note "$(tail -n 1 .ok.log)"
ok 'a core of sqlite3' kernel_core sqlite.core sqlite3 :memory: 'create table t(a, b);
	with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
	insert into t select i, hex(i) from n;' ".shell kill -ABRT \$PPID"
ok 'sqlite3: 200 damaged cores' python3 "$SRC/tests/hostile/mutate.py" "$COREHEAP" sqlite.core 200 2 .
note "$(tail -n 1 .ok.log)"

# Each module's header says that a thread has terabytes of variables of its own.
python3 - perl.core perl.tls <<'END'
import struct
import sys
core = bytearray(open(sys.argv[1], 'rb').read())
phoff, phnum = struct.unpack_from('<Q', core, 32)[0], struct.unpack_from('<H', core, 56)[0]
changed = 0
for i in range(phnum):
    offset, size = struct.unpack_from('<Q16xQ', core, phoff + 56 * i + 8)
    if core[offset:offset + 4] == b'\x7fELF':
        heads, count = struct.unpack_from('<Q', core, offset + 32)[0], struct.unpack_from('<H', core, offset + 56)[0]
        for at in range(offset + heads, offset + heads + 56 * count, 56):
            if struct.unpack_from('<I', core, at)[0] == 7:
                struct.pack_into('<Q', core, at + 40, 1 << 45)
                changed += 1
open(sys.argv[2], 'wb').write(core)
sys.exit(not changed)
END
result $? 'a core of which modules claim terabytes of thread-local data'
exits 'it is analysed' 0 sh -c "ulimit -t 20; exec '$COREHEAP' blocks --json perl.tls"
plan_done
