#!/usr/bin/env bash
# Installs what is missing for building, the demo or the tests; silent where all is there.
#	tests/deps.sh [-n] build|demo|test...	(-n: only say what is missing; exit 1 if anything is)
# Debian and relatives by apt-get, Fedora and relatives by dnf. Needs root only to install.
set -euo pipefail

# set:what it is for:how it is recognized:Debian package:Fedora package
# Recognized by: a command (or one of several, with |), h/HEADER, l/LIBRARY, py/MODULE, f/FILE (on
# Debian only), or lsan and gccsan: the sanitizers of clang and gcc.
table='
build:C compiler:gcc:gcc libc6-dev:gcc glibc-devel
build:make:make:make:make
build:reads ELF (elfutils):h/gelf.h:libelf-dev:elfutils-libelf-devel
build:reads DWARF (elfutils):h/elfutils/libdwfl.h:libdw-dev:elfutils-devel
build:reads machine code (Zydis):h/Zydis/Zydis.h:libzydis-dev:zydis-devel
build:writes JSON (jansson):h/jansson.h:libjansson-dev:jansson-devel
build:unpacks zstd:h/zstd.h:libzstd-dev:libzstd-devel
build:unpacks lz4:h/lz4frame.h:liblz4-dev:lz4-devel
build:unpacks xz:h/lzma.h:liblzma-dev:xz-devel
build:unpacks gzip:h/zlib.h:zlib1g-dev:zlib-devel
build:confines itself (libseccomp):h/seccomp.h:libseccomp-dev:libseccomp-devel
build:C++ names (libiberty):l/libiberty.a:libiberty-dev:binutils-devel
demo:takes gcore snapshots:gcore:gdb:gdb
demo:ps for the demo and the tests:ps:procps:procps-ng
test:takes gcore snapshots, and is a test subject:gcore:gdb:gdb
test:process tools:ps:procps:procps-ng
test:unpacks the corpus:zstd:zstd:zstd
test:recomputes what the program says:python3:python3:python3
test:validates the JSON report:py/jsonschema:python3-jsonschema:python3-jsonschema
test:second opinion on leaks:valgrind:valgrind:valgrind
test:libc symbols for valgrind:f/usr/share/doc/libc6-dbg:libc6-dbg:
test:C++ programs:g++:g++:gcc-c++
test:clang'"'"'s C++ library:l/libc++.so:libc++-dev libc++abi-dev:libcxx-devel
test:second compiler, and a test subject:clang:clang:clang
test:LeakSanitizer for clang:lsan:libclang-rt-dev:compiler-rt
test:sanitizers for gcc:gccsan:gcc:libasan libubsan
test:unit tests:h/cmocka.h:libcmocka-dev:libcmocka-devel
test:test subject:perl:perl:perl
test:test subject:sqlite3:sqlite3:sqlite
test:test subject:lua5.4|lua:lua5.4:lua
test:test subject:node:nodejs:nodejs
test:test subject:nginx|/usr/sbin/nginx:nginx:nginx
test:test subject:memcached:memcached:memcached
test:load for nginx:curl:curl:curl
test:compressed cores:lz4:lz4:lz4
test:compressed cores:xz:xz-utils:xz
test:compressed cores:gzip:gzip:gzip
test:tells file kinds:file:file:file
test:a malloc that is not glibc'"'"'s:l/libjemalloc.so.2:libjemalloc2:jemalloc
test:a malloc that is not glibc'"'"'s:l/libtcmalloc_minimal.so.4:libtcmalloc-minimal4:gperftools-libs
test:a malloc that is not glibc'"'"'s:l/libmimalloc.so:libmimalloc-dev:mimalloc-devel
test:a C library that is not glibc:f/usr/bin/musl-gcc:musl-tools:
test:a server with jemalloc:f/usr/bin/redis-server:redis-server:
test:asks debuginfod servers:l/libdebuginfod.so.1:libdebuginfod1:elfutils-debuginfod-client
test:shares debug information:dwz:dwz:dwz
test:compares files:cmp:diffutils:diffutils
test:reads metrics:py/prometheus_client:python3-prometheus-client:python3-prometheus_client
test:completes command lines:zsh:zsh:zsh
test:completes command lines:fish:fish:fish
'

say()
{
	echo "coreheap: $*"
}

has()
{
	local one
	case $1 in
	h/*) has_header "${1#h/}" ;;
	l/*) find_library "${1#l/}" ;;
	py/*)
		for one in python3 /usr/bin/python3; do
			"$one" -c "import ${1#py/}" 2>/dev/null && return 0
		done
		return 1 ;;
	f/*) [ -e "/${1#f/}" ] || ! command -v apt-get >/dev/null ;;
	lsan) has_lsan clang ;;
	gccsan) has_lsan gcc ;;
	*)
		for one in ${1//|/ }; do
			command -v "$one" >/dev/null && return 0
		done
		return 1 ;;
	esac
}

has_header()
{
	command -v gcc >/dev/null && echo "#include <$1>" | gcc -E -x c -o /dev/null - 2>/dev/null &&
		return 0
	# cmocka.h needs others before it: ask for the file itself.
	[ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]
}

find_library()
{
	local dir
	for dir in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/local/lib; do
		[ -e "$dir/$1" ] && return 0
	done
	return 1
}

has_lsan()
{
	local out status=0
	command -v "$1" >/dev/null || return 1
	out=$(mktemp)
	echo 'int main(void) { return 0; }' |
		"$1" -fsanitize=address,undefined -x c -o "$out" - 2>/dev/null || status=1
	rm -f "$out"
	return "$status"
}

only_say=
[ "${1:-}" != -n ] || { only_say=1; shift; }
[ $# -gt 0 ] || set -- build

family=debian
command -v apt-get >/dev/null || { ! command -v dnf >/dev/null || family=fedora; }

packages=()
why=()
for set; do
	while IFS=: read -r in what how debian fedora; do
		[ "$in" = "$set" ] || continue
		has "$how" && continue
		[ "$family" = debian ] && names=$debian || names=$fedora
		[ -n "$names" ] || continue
		case " ${packages[*]:-} " in *" $names "*) continue ;; esac
		read -ra words <<<"$names"
		packages+=("${words[@]}")
		why+=("$(printf '%-24s %s' "$names" "$what")")
	done <<<"$table"
done

if [ ! -r /proc/self/status ]; then
	say 'warning: /proc is not mounted. Building works; gcore, the demo and most tests do not.'
	say '  remedy: mount -t proc proc /proc'
fi >&2
[ ${#packages[@]} -gt 0 ] || exit 0

say "missing for: $*"
printf '  %s\n' "${why[@]}"
[ -z "$only_say" ] || exit 1

if command -v apt-get >/dev/null; then
	install="apt-get install -y --no-install-recommends ${packages[*]}"
elif command -v dnf >/dev/null; then
	install="dnf install -y ${packages[*]}"
else
	say 'there is neither apt-get nor dnf here: install the above by hand' >&2
	exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		say "this needs root, and there is no sudo. Run as root:" >&2
		echo "  $install" >&2
		exit 1
	fi
	as_root=sudo
fi

# Installing a server must not start it: test subjects only. A policy of the machine's own stays.
policy=/usr/sbin/policy-rc.d
placed=
remove_policy()
{
	[ -z "$placed" ] || $as_root rm -f "$policy"
}
trap remove_policy EXIT
if command -v apt-get >/dev/null && [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
	placed=1
fi

log=$(mktemp)
step()
{
	say "$*"
	$as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		say "failed: $* (its output: $log)" >&2
		exit 1
	}
}
command -v apt-get >/dev/null && step apt-get update
# shellcheck disable=SC2086
step $install
rm -f "$log"

for set; do
	while IFS=: read -r in what how _; do
		[ "$in" = "$set" ] || continue
		has "$how" || { say "still missing after the installation: $how ($what)" >&2; exit 1; }
	done <<<"$table"
done
say 'all is there now'
