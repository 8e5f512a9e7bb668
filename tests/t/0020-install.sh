#!/usr/bin/env bash
# make install and uninstall, into a folder of our own.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'installing is tested with the release suite'

install_to()
{
	make -C "$SRC" --no-print-directory BUILD="$BUILD" DESTDIR="$OUT/dest" "$@"
}

ok 'installs' install_to install PREFIX=/usr
is 'one program, where it was told' "$(cd "$OUT/dest" && find . -type f)" ./usr/bin/coreheap
ok 'the installed program runs' "$OUT/dest/usr/bin/coreheap" version
is 'its mode' "$(stat -c %a "$OUT/dest/usr/bin/coreheap")" 755
ok 'uninstalls' install_to uninstall PREFIX=/usr
is 'nothing is left' "$(cd "$OUT/dest" && find . -type f)" ''
ok 'bindir is honoured' install_to install bindir=/opt/tools
ok 'and found there' "$OUT/dest/opt/tools/coreheap" version
plan_done
