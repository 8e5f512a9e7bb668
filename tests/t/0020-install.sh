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
shells='share/bash-completion/completions/coreheap
share/fish/vendor_completions.d/coreheap.fish
share/zsh/site-functions/_coreheap'
is 'the program, the library where there is one, completions' \
	"$(cd "$OUT/dest/usr" && find . -type f | sort)" "$(printf './%s\n' bin/coreheap $sites $shells)"
is 'what completes in bash' "$(cat "$OUT"/dest/usr/share/bash*/completions/coreheap)" \
	"$("$COREHEAP" completion bash)"
is 'others may read it' "$(stat -c %a "$OUT"/dest/usr/share/bash*/completions/coreheap)" 644
ok 'the installed program runs' "$OUT/dest/usr/bin/coreheap" version
is 'its mode' "$(stat -c %a "$OUT/dest/usr/bin/coreheap")" 755
[ -z "$sites" ] || is 'the library lets programs run' \
	"$(LD_PRELOAD=$OUT/dest/usr/$sites sh -c 'echo well')" well
ok 'uninstalls' install_to uninstall PREFIX=/usr
is 'nothing is left' "$(cd "$OUT/dest" && find . -type f)" ''
ok 'bindir, libdir and datadir are honoured' install_to install bindir=/opt/tools libdir=/opt/lib64 \
	datadir=/opt/data
[ -z "$sites" ] || ok 'the library is there' [ -f "$OUT/dest/opt/lib64/libcoreheap_sites.so" ]
ok 'and found there' "$OUT/dest/opt/tools/coreheap" version
ok 'and the completions' [ -f "$OUT/dest/opt/data/zsh/site-functions/_coreheap" ]
plan_done
