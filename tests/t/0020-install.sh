#!/usr/bin/env bash
# make install and uninstall, into a folder of our own.
. "$(dirname "$0")/../lib.sh"
[ "${SAN:-0}" = 0 ] || skip_all 'installing is tested with the release suite'

install_to()
{
	make -C "$SRC" --no-print-directory BUILD="$BUILD" DESTDIR="$OUT/dest" "$@"
}

ok 'installs' install_to install PREFIX=/usr
sites=$([ -f "$BUILD/libcoreheap_sites.so" ] && echo lib/libcoreheap_sites.so)
is 'the program, and the library where there is one' "$(cd "$OUT/dest/usr" && find . -type f | sort)" \
	"$(printf './%s\n' bin/coreheap $sites)"
ok 'the installed program runs' "$OUT/dest/usr/bin/coreheap" version
is 'its mode' "$(stat -c %a "$OUT/dest/usr/bin/coreheap")" 755
[ -z "$sites" ] || is 'the library lets programs run' \
	"$(LD_PRELOAD=$OUT/dest/usr/$sites sh -c 'echo well')" well
ok 'uninstalls' install_to uninstall PREFIX=/usr
is 'nothing is left' "$(cd "$OUT/dest" && find . -type f)" ''
ok 'bindir and libdir are honoured' install_to install bindir=/opt/tools libdir=/opt/lib64
[ -z "$sites" ] || ok 'the library is there' [ -f "$OUT/dest/opt/lib64/libcoreheap_sites.so" ]
ok 'and found there' "$OUT/dest/opt/tools/coreheap" version
plan_done
