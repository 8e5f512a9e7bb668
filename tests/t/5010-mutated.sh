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
plan_done
