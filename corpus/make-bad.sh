#!/usr/bin/env bash
# Makes the damaged part of the corpus again: cores of tests/victims/damage.c, each heap overwritten
# in one way, on four glibcs; and core files that are damaged themselves.
#
# usage: corpus/make-bad.sh [-c CHROOTS] [-o FOLDER] [RELEASE...|files]      (as root, on x86-64)
#
#	-c CHROOTS  folder of the chroots (default build/chroots); those that are missing are made
#	            there with debootstrap, from deb.debian.org or $MIRROR
#	-o FOLDER   where the cases go (default the folder bad beside this script)
#	RELEASE     of bullseye bookworm trixie sid, or files for the damaged files (default all)
#
# Needs debootstrap, zstd, python3, and kernel.core_pattern=core (a name, no pipe and no folder).
set -euo pipefail
. "$(dirname "$0")/chroots.sh"
out=$here/bad
while getopts c:o: option; do
	recipe_option "$option"
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- bullseye bookworm trixie sid files

# build RELEASE: the victim in /damage of the chroot
build()
{
	local root=$chroots/$1
	rm -rf "$root/damage"
	mkdir "$root/damage"
	cp -r "$top"/tests/victims/damage.c "$top"/tests/victims/plan "$root/damage/"
	in_chroot "$1" sh -ec 'cd /damage
		gcc -std=gnu11 -O1 -pthread -o damage damage.c plan/truth.c plan/get.c plan/park.c
		strip damage'
}

# keep CASE RELEASE RECIPE: what is in /damage of the chroot becomes a case
keep()
{
	local dir=$out/$1 release=$2 recipe=$3 root=$chroots/$2
	rm -rf "$dir"
	mkdir -p "$dir"
	zstd -q -19 "$root/damage/core" -o "$dir/core.zst"
	gzip -9nc "$root/damage/truth.txt" >"$dir/truth.txt.gz"
	(
		echo "program: tests/victims/damage.c, dynamic"
		echo "program build-id: $(build_id "$root/damage/damage")"
		echo "compiler: gcc $(in_chroot "$release" gcc -dumpfullversion)"
		echo "recipe: $recipe"
		echo "core: the kernel, Linux $(uname -r)"
		echo "system: Debian $release"
		echo "libc6: $(in_chroot "$release" dpkg-query -Wf '${Version}' libc6)"
		echo "libc build-id: $(build_id "$root/lib/x86_64-linux-gnu/libc.so.6")"
		[ ! -s "$root/damage/said" ] || echo "libc said: $(head -n 1 "$root/damage/said")"
	) >"$dir/about.txt"
	echo "$1: $(stat -c %s "$dir/core.zst") bytes"
}

# a_case RELEASE MODE [--free]: where libc is to see the damage itself, only if it does
a_case()
{
	local release=$1 mode=$2 free=${3:-} root=$chroots/$1
	rm -f "$root"/damage/{core*,truth.txt,said}
	in_chroot "$release" sh -c 'ulimit -c unlimited; cd /damage; ./damage "$@" truth.txt; true' \
		sh ${free:+"$free"} "$mode" >"$root/damage/said" 2>&1
	the_core "$root/damage"
	if [ -z "$free" ]; then
		rm -f "$root/damage/said"
	elif ! grep -Eq '^[a-z_]+\(\)|^corrupted|^double free|^free\(\)|^malloc' "$root/damage/said"; then
		echo "$release-$mode-aborted: libc did not abort" >&2
		return 0
	fi
	keep "$release-$mode${free:+-aborted}" "$release" "damage ${free:+$free }$mode truth.txt"
}

# release RELEASE: each damage, and those that libc sees in its next steps
release()
{
	local mode
	need_cores
	chroot_ready "$1"
	build "$1"
	for mode in $(in_chroot "$1" /damage/damage --list); do
		case $1-$mode in
		sid-fastbin*) continue ;; # 2.43 has none
		esac
		a_case "$1" "$mode"
	done
	for mode in size-garbage size-overrun small-fd top-garbage; do
		a_case "$1" "$mode" --free
	done
	rm -rf "$chroots/$1/damage"
}

for what; do
	if [ "$what" = files ]; then
		zstd -q -d --sparse -f "$out/bookworm-nul/core.zst" -o "$out/whole.core"
		python3 "$top/tests/hostile/files.py" "$out/whole.core" "$out/files"
		rm -f "$out/whole.core"
	else
		release "$what"
	fi
done
du -sh "$out"
