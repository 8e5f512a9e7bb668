# corpus/chroots.sh: what the recipes share: systems of other releases to build and run victims in.
# Sourced first; $chroots is their folder, $mirror where they come from, $out where cases go.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
chroots=$top/build/chroots
mirror=${MIRROR:-http://deb.debian.org/debian}
out=$here

# recipe_option LETTER: those that every recipe has; any other shows the recipe's head, and ends.
recipe_option()
{
	case $1 in
	c) chroots=$(mkdir -p "$OPTARG" && cd "$OPTARG" && pwd) ;;
	o) out=$(mkdir -p "$OPTARG" && cd "$OPTARG" && pwd) ;;
	*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
}

# need_cores: ends the recipe where no core can be had. Sets uses_pid.
need_cores()
{
	[ "$(id -u)" = 0 ] || { echo "$0: needs root, for chroot" >&2; exit 1; }
	[ "$(cat /proc/sys/kernel/core_pattern)" = core ] ||
		{ echo "$0: needs kernel.core_pattern=core (sysctl -w sets it)" >&2; exit 1; }
	uses_pid=$(cat /proc/sys/kernel/core_uses_pid)
}

# chroot_ready RELEASE|RELEASE-i386: a minimal system with a compiler
chroot_ready()
{
	[ -x "$chroots/$1/usr/bin/gcc" ] && return
	mkdir -p "$chroots"
	local arch=amd64
	[ "$1" = "${1%-i386}" ] || arch=i386
	debootstrap --arch=$arch --variant=minbase --include=gcc,libc6-dev "${1%-i386}" "$chroots/$1" \
		"$mirror"
}

# in_chroot RELEASE CMD...: with /proc, which the victim reads, for as long as CMD runs. The chroot
# stands at /mnt, so that the paths which gdb writes down are the same on every machine; and the
# environment is empty, for a core holds it.
in_chroot()
{
	local root=$chroots/$1
	shift
	unshare --mount --propagation private sh -c 'mount --bind "$0" /mnt &&
		mount -t proc proc /mnt/proc && exec chroot /mnt /usr/bin/env -i \
		PATH=/usr/bin:/bin HOME=/ "$@"' "$root" "$@"
}

# the_core FOLDER: the core that the kernel wrote there is its file "core"
the_core()
{
	[ "$uses_pid" = 0 ] || mv "$1"/core.* "$1/core"
}

# build_id FILE
build_id()
{
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}
