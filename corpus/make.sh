#!/usr/bin/env bash
# Makes the corpus again: cores of tests/victims/plan on four glibcs, and what the program declared.
#
# usage: corpus/make.sh [-a i386] [-c CHROOTS] [-o CORPUS] [-n CASES] [RELEASE...] (as root, on x86-64)
#
#	-a i386     32-bit programs, which the kernel has to run (CONFIG_IA32_EMULATION), in chroots
#	            RELEASE-i386
#	-c CHROOTS  folder of the chroots (default build/chroots); those that are missing are made
#	            there with debootstrap, from deb.debian.org or $MIRROR
#	-o CORPUS   where the cases go (default the folder of this script)
#	-n CASES    only those whose name matches this pattern, such as '*-gcore*'
#	RELEASE     of bullseye bookworm trixie sid (default all)
#
# Needs debootstrap, gdb, zstd, and kernel.core_pattern=core (a name, no pipe and no folder).
set -euo pipefail
. "$(dirname "$0")/chroots.sh"
arch=
cases='*'
while getopts a:c:n:o: option; do
	case $option in
	a) arch=$OPTARG ;;
	n) cases=$OPTARG ;;
	*) recipe_option "$option" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- bullseye bookworm trixie sid
need_cores

# build RELEASE: the victims, dynamic and static, in /victim of the chroot
build()
{
	local root=$chroots/$1
	rm -rf "$root/victim"
	mkdir -p "$root/victim/victims" "$root/victim/kinds"
	cp -r "$top/tests/victims/plan" "$root/victim/victims/"
	cp "$top"/tests/kinds/*.[ch] "$root/victim/kinds/"
	in_chroot "$1" sh -ec 'cd /victim; plan=victims/plan
		gcc -std=gnu11 -O1 -pthread -o plan-dynamic $plan/*.c
		gcc -std=gnu11 -O1 -pthread -static -o plan-static $plan/*.c
		gcc -std=gnu11 -O1 -pthread -o kinds-dynamic kinds/*.c $plan/truth.c $plan/get.c \
			$plan/park.c -ldl
		strip plan-dynamic plan-static kinds-dynamic'
}

# wanted CASE
wanted()
{
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == $cases ]]
}

# keep CASE RELEASE LINK HOW RECIPE...: what is in /victim of the chroot becomes a case; the recipe has
# the program's name
keep()
{
	local name=$1 release=$2 link=$3 how=$4 root=$chroots/$2 dir=$out/$1 from=victims/plan
	local program=plan
	case "$*" in *kinds-*) program=kinds from=kinds ;; esac
	shift 4
	rm -rf "$dir"
	mkdir -p "$dir"
	zstd -q -19 "$root/victim/core" -o "$dir/core.zst"
	zstd -q -d --sparse "$dir/core.zst" -o "$root/victim/core.again"
	cmp "$root/victim/core.again" "$root/victim/core"
	gzip -9nc "$root/victim/truth.txt" >"$dir/truth.txt.gz"
	(
		echo "program: tests/$from, $link"
		echo "program build-id: $(build_id "$root/victim/$program-$link")"
		echo "compiler: gcc $(in_chroot "$release" gcc -dumpfullversion)"
		echo "recipe: $*"
		echo "core: $how, Linux $(uname -r)"
		echo "system: Debian ${release%-i386}${arch:+, $arch}"
		echo "libc6: $(in_chroot "$release" dpkg-query -Wf '${Version}' libc6)"
		[ "$link" = static ] ||
			echo "libc build-id: $(build_id "$root/lib/${arch:-x86_64}-linux-gnu/libc.so.6")"
	) >"$dir/about.txt"
	rm -f "$root"/victim/core* "$root/victim/truth.txt"
	echo "$name: $(stat -c %s "$dir/core.zst") bytes"
}

# kernel_case CASE RELEASE LINK TUNABLES OPTION...
kernel_case()
{
	local name=$1 release=$2 link=$3 tunables=$4 root=$chroots/$2
	wanted "$name" || return 0
	shift 4
	rm -f "$root"/victim/core*
	in_chroot "$release" sh -c 'ulimit -c unlimited; cd /victim; TUNABLES=$1; shift
		[ -z "$TUNABLES" ] || export GLIBC_TUNABLES="$TUNABLES"; "$@"; true' \
		sh "$tunables" "/victim/plan-$link" --small "$@" truth.txt >/dev/null 2>&1
	the_core "$root/victim"
	keep "$name" "$release" "$link" 'the kernel' \
		"${tunables:+GLIBC_TUNABLES=$tunables }plan-$link --small $*${*:+ }truth.txt"
}

# asleep PID
asleep()
{
	[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = S ]
}

# take_core PID FOLDER [GDB_FROM]: gdb's snapshot, FOLDER/core.PID; by the gdb of chroot GDB_FROM. It
# runs outside of that, as processes of another root have no paths inside.
take_core()
{
	local pid=$1 folder=$2 from=$chroots/${3:-} lib=lib/x86_64-linux-gnu
	if [ $# -lt 3 ]; then
		nsenter --target "$pid" --mount gcore -o "$folder/core" "$pid"
		return
	fi
	nsenter --target "$pid" --mount env PYTHONHOME="$from/usr" \
		"$from/lib64/ld-linux-x86-64.so.2" --library-path "$from/$lib:$from/usr/$lib" \
		"$from/usr/bin/gdb" --data-directory "$from/usr/share/gdb" --nx --batch \
		-ex "attach $pid" -ex "gcore $folder/core.$pid" -ex detach </dev/null
}

# gdb_version [GDB_FROM]
gdb_version()
{
	if [ $# -gt 0 ]; then in_chroot "$1" gdb --version; else gdb --version; fi | head -n 1
}

# gcore_case CASE RELEASE LINK TUNABLES [GDB_FROM]
gcore_case()
{
	local name=$1 release=$2 link=$3 tunables=$4 root=$chroots/$2 pid i
	wanted "$name" || return 0
	shift 4
	in_chroot "$release" sh -c 'cd /victim; TUNABLES=$1; shift; echo $$ >pid
		[ -z "$TUNABLES" ] || export GLIBC_TUNABLES="$TUNABLES"; exec "$@"' \
		sh "$tunables" "/victim/plan-$link" --small --pause truth.txt >/dev/null 2>&1 &
	for ((i = 0; i < 200; i++)); do
		sleep 0.1
		[ -f "$root/victim/truth.txt" ] || continue
		pid=$(cat "$root/victim/pid")
		asleep "$pid" && break
	done
	take_core "$pid" /mnt/victim "$@" >"$root/victim/gcore.log" 2>&1
	kill -KILL "$pid"
	wait
	fallocate -d "$root/victim/core.$pid"
	mv "$root/victim/core.$pid" "$root/victim/core"
	keep "$name" "$release" "$link" "$(gdb_version "$@"), gcore" \
		"${tunables:+GLIBC_TUNABLES=$tunables }plan-$link --small --pause truth.txt"
}

# kinds_case CASE RELEASE KIND NUMBER: a kernel core of tests/kinds
kinds_case()
{
	local name=$1 release=$2 kind=$3 number=$4 root=$chroots/$2 pid i
	wanted "$name" || return 0
	in_chroot "$release" sh -c 'ulimit -c unlimited; cd /victim; exec "$@"' sh \
		/victim/kinds-dynamic "$kind" "$number" truth.txt >/dev/null 2>&1 &
	for ((i = 0; i < 200; i++)); do
		sleep 0.1
		[ -f "$root/victim/truth.txt" ] || continue
		pid=$(sed -n 's/^# pid //p' "$root/victim/truth.txt")
		asleep "$pid" && break
	done
	kill -ABRT "$pid"
	wait
	the_core "$root/victim"
	keep "$name" "$release" dynamic 'the kernel' "kinds-dynamic $kind $number truth.txt"
}

# gdb_case RELEASE: a snapshot by the gdb of trixie
gdb_case()
{
	wanted "$1-gcore-trixie" || return 0
	chroot_ready trixie
	[ -x "$chroots/trixie/usr/bin/gdb" ] ||
		in_chroot trixie apt-get install -qy --no-install-recommends gdb
	gcore_case "$1-gcore-trixie" "$1" static '' trixie
}

for release; do
	release=$release${arch:+-$arch}
	chroot_ready "$release"
	build "$release"
	off=glibc.malloc.tcache_count=0
	for link in dynamic static; do
		kernel_case "$release-$link" "$release" "$link" ''
		kernel_case "$release-$link-no-tcache" "$release" "$link" "$off"
		kernel_case "$release-$link-blocked" "$release" "$link" '' --brk=blocked
	done
	kernel_case "$release-foreign-sbrk" "$release" dynamic '' --brk=foreign
	kernel_case "$release-odd-sbrk-no-tcache" "$release" dynamic "$off" --brk=odd
	gcore_case "$release-gcore" "$release" dynamic ''
	gcore_case "$release-gcore-no-tcache" "$release" static "$off"
	kernel_case "$release-one-arena" "$release" dynamic glibc.malloc.arena_max=1
	# before glibc 2.42 the limit is 1032 bytes, and higher values are ignored
	if [ "${release%%-*}" = sid ]; then
		kernel_case "$release-large-tcache" "$release" dynamic \
			glibc.malloc.tcache_max=2000000
	fi
	[ "$release" != sid ] ||
		kernel_case "$release-tcache-64k" "$release" dynamic glibc.malloc.tcache_max=65536
	[ "$release" != bookworm ] || kinds_case "$release-dlmopen" "$release" space 1
	case $release in trixie | sid) gdb_case "$release" ;; esac
	rm -rf "$chroots/$release/victim"
done
du -sh "$out"
