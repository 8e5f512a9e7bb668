#!/usr/bin/env bash
# Names of variables and their members from debug information: the victim says what is where.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
reason=$(core_forbidden) && skip_all "$reason"

# says NAME COMPILER SOURCE FLAGS...: builds, runs, compares.
says()
{
	local name=$1 cc=$2 source=$3
	shift 3
	if ! command -v "$cc" >/dev/null; then
		skip "$name" "$cc is not installed"
		return
	fi
	rm -rf victim
	mkdir victim
	(cd victim && "$cc" "$@" -o victim "$SRC/tests/types/$source" -pthread) || {
		result 1 "$name: it is built"
		return
	}
	ok "$name: a core" kernel_core core "$OUT/victim/victim" || return
	ok "$name: variables and members" "$SRC/tests/types/variables.py" "$COREHEAP" core core.log
}

says 'C, gcc, DWARF 5' gcc variables.c -g -gdwarf-5 -O0
says 'C, gcc, DWARF 4, optimized' gcc variables.c -g -gdwarf-4 -O2
says 'C, clang, DWARF 5, optimized' clang variables.c -g -gdwarf-5 -O2
says 'C, clang, DWARF 4' clang variables.c -g -gdwarf-4 -O0
says 'C, gcc, not position-independent' gcc variables.c -g -O1 -no-pie
says 'C, gcc, split' gcc variables.c -g -gsplit-dwarf -O1
says 'C++, gcc, DWARF 5' g++ variables.cc -g -gdwarf-5 -O2
says 'C++, gcc, DWARF 4, type units' g++ variables.cc -g -gdwarf-4 -fdebug-types-section -O0
says 'C++, gcc, DWARF 5, type units' g++ variables.cc -g -gdwarf-5 -fdebug-types-section -O0
says 'C++, clang, DWARF 5, split' clang++ variables.cc -g -gdwarf-5 -gsplit-dwarf -O0

# A .dwo file that is gone.
rm -f victim/*.dwo
ok 'without its .dwo file: no harm' sh -c '"$COREHEAP" explain core $(sed -n "s/^\(0x[^ ]*\) .*/\1/p" core.log) >gone 2>said'
like 'which is said' "$(cat said)" '1 of the units of .*victim have their debug information in \.dwo files that are not where'
is 'and no member is made up' "$(grep -c '\.own' gone)" 0

# The same names from a separate debug file that dwz has been over.
if command -v dwz >/dev/null && command -v objcopy >/dev/null; then
	mkdir dwz
	for i in 1 2; do
		gcc -g -O1 -Wl,--build-id -DN=$i -o dwz/v$i "$SRC/tests/types/variables.c" -pthread
		objcopy --only-keep-debug dwz/v$i dwz/v$i.debug
		objcopy --strip-debug dwz/v$i
		objcopy --add-gnu-debuglink=dwz/v$i.debug dwz/v$i
	done
	(cd dwz && dwz -m shared.debug v1.debug v2.debug)
	ok 'dwz: a core' kernel_core dwz.core "$OUT/dwz/v1"
	id=$(readelf -n dwz/shared.debug | sed -n 's/.*Build ID: //p')
	mkdir -p "debug/.build-id/${id:0:2}"
	cp dwz/shared.debug "debug/.build-id/${id:0:2}/${id:2}.debug"
	printf '#!/bin/sh\nc=$1; shift; exec "$COREHEAP" "$c" --debug-dir=%s/debug "$@"\n' "$OUT" >with
	chmod +x with
	ok 'dwz: variables and members' "$SRC/tests/types/variables.py" ./with dwz.core dwz.core.log
else
	skip 'dwz: variables and members' 'dwz or objcopy is not installed'
fi
plan_done
