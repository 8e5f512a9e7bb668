#!/usr/bin/env bash
# The newcomer's path, on a bare Debian 12: clone, `make demo`, `make check`. By hand, before a release
# (it needs root, debootstrap and a network, and takes a quarter of an hour).
#	tests/fresh-chroot.sh [-k] [CHROOT]
# CHROOT: a bookworm tree to copy instead of running debootstrap. -k: keep the copy at the end.
# TARGETS='demo check' may name others; MIRROR another mirror; DIR where the tree goes.
set -euo pipefail
src=$(cd "$(dirname "$0")/.." && pwd)
keep=
[ "${1:-}" != -k ] || { keep=1; shift; }
dir=${DIR:-/var/tmp/coreheap-fresh}
[ "$(id -u)" -eq 0 ] || { echo 'fresh-chroot: needs root (chroot, mount)' >&2; exit 2; }
[ ! -e "$dir" ] || { echo "fresh-chroot: $dir is in the way" >&2; exit 2; }

clean()
{
	# Never remove a tree that still has something mounted in it.
	if mountpoint -q "$dir/proc"; then umount "$dir/proc" || return; fi
	[ -n "$keep" ] || rm -rf --one-file-system "$dir"
}
trap clean EXIT
trap 'exit 130' INT TERM

if [ $# -gt 0 ]; then
	cp -a "$1" "$dir"
else
	debootstrap --variant=minbase bookworm "$dir" "${MIRROR:-http://deb.debian.org/debian}" >/dev/null
fi
cp /etc/resolv.conf "$dir/etc/resolv.conf"
mount -t proc proc "$dir/proc"
git clone -q --no-local "$src" "$dir/coreheap"

inside()
{
	chroot "$dir" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=dumb \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

# What the README asks for beforehand, less git.
inside sh -c 'apt-get update -q && apt-get install -q -y --no-install-recommends make' >/dev/null
for target in ${TARGETS:-demo check}; do
	echo "## make $target in a bare Debian $(cat "$dir/etc/debian_version")"
	start=$SECONDS
	inside make -C /coreheap "$target"
	echo "## make $target: $((SECONDS - start)) s"
done
left=$(inside git -C /coreheap status --porcelain 2>/dev/null || git -C "$dir/coreheap" status --porcelain)
[ -z "$left" ] || { echo "fresh-chroot: the run left files behind:"; echo "$left"; exit 1; }
