#!/usr/bin/env bash
# Damaged cores: whatever a core holds, the program ends by itself, soon, with a plain exit status.
. "$(dirname "$0")/../lib.sh"
need_cmd python3 sqlite3 lua5.4 zstd

echo 'local t = {} for i = 1, 2000 do t[i] = { tostring(i) } end
local f = io.open("/proc/self/stat") local pid = f:read("n") os.execute("kill -ABRT " .. pid)' >work.lua
if kernel_core lua.core lua5.4 work.lua; then
	ok 'lua: 150 damaged cores' python3 "$SRC/tests/hostile/mutate.py" "$COREHEAP" lua.core 150 1 .
	note "$(tail -n 1 .ok.log)"
else
	skip 'lua: 150 damaged cores' 'no kernel core can be had here'
fi
if kernel_core sqlite.core sqlite3 :memory: 'create table t(a, b);
	with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
	insert into t select i, hex(i) from n;' ".shell kill -ABRT \$PPID"; then
	ok 'sqlite3: 150 damaged cores' python3 "$SRC/tests/hostile/mutate.py" "$COREHEAP" sqlite.core 150 2 .
	note "$(tail -n 1 .ok.log)"
else
	skip 'sqlite3: 150 damaged cores' 'no kernel core can be had here'
fi
plan_done
