#!/bin/sh
# build.sh FOLDER: builds the recorder (librecorder.so) and the reference marker (refmark) there,
# with $CC. What is there and newer than the sources stays.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:?usage: build.sh FOLDER}
flags="-std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wconversion -Werror"
mkdir -p "$to"

stale()
{
	[ -f "$to/$1" ] || return 0
	[ -n "$(find "$here" -name '*.[ch]' -newer "$to/$1" | head -n 1)" ]
}

# Tests run side by side: each builds under a name of its own, then moves it into place.
if stale librecorder.so; then
	# shellcheck disable=SC2086
	${CC:-gcc} $flags -fPIC -shared -o "$to/librecorder.so.$$" \
		"$here/recorder.c" "$here/ledger.c" -ldl -lpthread
	mv "$to/librecorder.so.$$" "$to/librecorder.so"
fi
if stale refmark; then
	# shellcheck disable=SC2086
	${CC:-gcc} $flags -o "$to/refmark.$$" \
		"$here/refmark.c" "$here/refmain.c" "$here/refheads.c" "$here/refcore.c"
	mv "$to/refmark.$$" "$to/refmark"
fi
