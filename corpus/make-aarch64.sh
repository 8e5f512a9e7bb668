#!/usr/bin/env bash
# Makes the aarch64 part of the corpus again, on any machine: the victim is cross-compiled, and run
# under a real kernel in qemu's machine emulation, and once under qemu-user, which writes cores too.
#
# usage: corpus/make-aarch64.sh [-c CHROOTS] [-o CORPUS] [RELEASE...]      (as root)
#
#	-c CHROOTS  folder for what debootstrap downloads (default build/chroots), RELEASE-arm64 each
#	-o CORPUS   where the cases go (default the folder of this script)
#	RELEASE     of bullseye bookworm trixie sid (default all)
#
# With bookworm comes bookworm-aarch64-mte, whose blocks have memory tags (GLIBC_TUNABLES, MTE). That takes
# another QEMU than Debian 12's: 7.2 gets the tags of memory wrong, 10.0 does not. QEMU=COMMAND names it.
#
# Needs debootstrap, gcc-aarch64-linux-gnu, qemu-system-arm, qemu-user-static, zstd, python3.
set -euo pipefail
. "$(dirname "$0")/chroots.sh"
while getopts c:o: option; do
	recipe_option "$option"
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- bullseye bookworm trixie sid
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# packages NAME RELEASE PACKAGE...: downloads them with all that they need, and unpacks PACKAGEs
packages()
{
	local root=$chroots/$1 release=$2 p
	shift 2
	[ -d "$root/unpacked" ] && return
	rm -rf "$root"
	debootstrap --arch=arm64 --foreign --variant=minbase --include="$(IFS=,; echo "$*")" \
		"$release" "$root" "$mirror" >/dev/null
	mkdir "$root/unpacked.new"
	for p in "$root"/var/cache/apt/archives/{linux,libc6,libcrypt,busybox}*.deb; do
		[ ! -f "$p" ] || dpkg-deb -x "$p" "$root/unpacked.new"
	done
	[ -e "$root/unpacked.new/lib" ] || ln -s usr/lib "$root/unpacked.new/lib"
	# links that mean the root of that system
	find "$root/unpacked.new" -type l -lname '/*' | while read -r p; do
		ln -sfrn "$root/unpacked.new$(readlink "$p")" "$p"
	done
	mv "$root/unpacked.new" "$root/unpacked"
}

# links RELEASE: gcc 12's libgcc wants a glibc of 2.35 when it is linked statically
links()
{
	[ "$1" = bullseye ] && echo dynamic || echo dynamic static
}

# build RELEASE: the victim, dynamic and static, and what of the release it needs to run
build()
{
	local root=$chroots/$1-arm64/unpacked out=$work/share/$1 link lib
	lib=$(dirname "$(find "$root" -name libc.so.6)")
	mkdir -p "$out/victim" "$out/lib/aarch64-linux-gnu"
	cp -L "$(find "$root" -path '*/lib/ld-linux-aarch64.so.1' | head -n 1)" "$out/lib/" 2>/dev/null ||
		cp -L "$lib/ld-linux-aarch64.so.1" "$out/lib/"
	cp -L "$lib/libc.so.6" "$lib/libpthread.so.0" "$out/lib/aarch64-linux-gnu/"
	for link in $(links "$1"); do
		aarch64-linux-gnu-gcc -std=gnu11 -O1 -pthread -s -static-libgcc $([ $link = dynamic ] || echo -static) \
			--sysroot="$root" -nostdinc \
			-isystem "$(aarch64-linux-gnu-gcc -print-file-name=include)" \
			-isystem "$root/usr/include" -isystem "$root/usr/include/aarch64-linux-gnu" \
			-B "$root/usr/lib/aarch64-linux-gnu" -L "$root/usr/lib/aarch64-linux-gnu" \
			-o "$out/victim/plan-$link" "$top"/tests/victims/plan/*.c
	done
}

# modules FOLDER NAME...: files of these kernel modules and of those that they need, in order
modules()
{
	python3 - "$@" <<'PY'
import os, re, sys
files = {}
for folder, _, names in os.walk(sys.argv[1]):
    files.update((n[:-3].replace('-', '_'), os.path.join(folder, n)) for n in names if n.endswith('.ko'))
def add(name):
    path = files.pop(name.replace('-', '_'), None)
    if path:
        for needs in re.findall(rb'\0depends=([^\0]*)\0', open(path, 'rb').read()):
            for other in filter(None, needs.decode().split(',')):
                add(other)
        print(path)
for name in sys.argv[2:]:
    add(name)
PY
}

# boot: a machine with Debian bookworm's kernel runs $work/share/run.sh
boot()
{
	local root=$chroots/kernel-arm64/unpacked ram=$work/ram m
	mkdir -p "$ram"/{bin,modules,proc,sys,dev,mnt,tmp}
	cp "$root"/bin/busybox "$ram/bin/"
	for m in $(modules "$root/lib/modules" virtio_pci 9p 9pnet_virtio); do
		cp "$m" "$ram/modules/"
		basename "$m" >>"$ram/modules/list"
	done
	cat >"$ram/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for m in $(cat /modules/list); do insmod /modules/$m; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /mnt
sh /mnt/run.sh >/mnt/run.log 2>&1
sync
poweroff -f
INIT
	chmod +x "$ram/init"
	(cd "$ram" && find . | qemu-aarch64-static bin/busybox cpio -o -H newc 2>/dev/null |
		gzip -1) >"$work/initrd"
	timeout 1800 ${QEMU:-qemu-system-aarch64} -M virt,mte=on -cpu max -m 1024 -nographic -no-reboot \
		-kernel "$(echo "$root"/boot/vmlinuz-*)" -initrd "$work/initrd" \
		-append 'console=ttyAMA0 rdinit=/init panic=1 quiet' \
		-virtfs "local,path=$work/share,mount_tag=share,security_model=none" \
		</dev/null >"$work/boot.log"
}

build_id()
{
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

# keep CASE RELEASE LINK HOW CORE TRUTH
keep()
{
	local dir=$out/$1 share=$work/share/$2
	rm -rf "$dir"
	mkdir -p "$dir"
	zstd -q -19 "$5" -o "$dir/core.zst"
	gzip -9nc "$6" >"$dir/truth.txt.gz"
	(
		echo "program: tests/victims/plan, $3"
		echo "program build-id: $(build_id "$share/victim/plan-$3")"
		echo "compiler: $(aarch64-linux-gnu-gcc --version | head -n 1)"
		echo "recipe: ${TUNABLES:+GLIBC_TUNABLES=$TUNABLES }plan-$3 --small truth.txt"
		echo "core: $4"
		echo "system: Debian $2, arm64"
		echo "libc6: $(basename "$chroots/$2"-arm64/var/cache/apt/archives/libc6_*.deb | cut -d_ -f2)"
		[ "$3" = static ] ||
			echo "libc build-id: $(build_id "$share/lib/aarch64-linux-gnu/libc.so.6")"
	) >"$dir/about.txt"
	echo "$1: $(stat -c %s "$dir/core.zst") bytes"
}

# The machine gives a kernel core of each release and link, the program at /victim.
script()
{
	cat <<'RUN'
echo core >/proc/sys/kernel/core_pattern
ulimit -c unlimited
for root in /mnt/*/; do
	release=$(basename $root)
	[ -d $root/victim ] || continue
	cp -r $root /tmp/root
	mkdir /tmp/root/proc
	mount -t proc proc /tmp/root/proc
	for link in dynamic static; do
		[ -f /tmp/root/victim/plan-$link ] || continue
		env -i chroot /tmp/root /victim/plan-$link --small /truth.txt
		mv /tmp/root/core /mnt/$release/core.$link
		mv /tmp/root/truth.txt /mnt/$release/truth.$link
	done
	if [ $release = bookworm ]; then
		cp /bin/busybox /tmp/root/env
		env -i chroot /tmp/root /env GLIBC_TUNABLES=glibc.mem.tagging=3 \
			/victim/plan-dynamic --small /truth.txt
		mv /tmp/root/core /mnt/$release/core.tagged
		mv /tmp/root/truth.txt /mnt/$release/truth.tagged
	fi
	umount /tmp/root/proc
	rm -r /tmp/root
done
uname -r >/mnt/kernel
RUN
}

packages kernel-arm64 bookworm linux-image-arm64 busybox-static
mkdir -p "$work/share"
for release; do
	packages "$release-arm64" "$release" libc6-dev
	build "$release"
done
script >"$work/share/run.sh"
boot
for release; do
	for link in $(links "$release"); do
		keep "$release-aarch64-$link" "$release" $link \
			"the kernel, Linux $(cat "$work/share/kernel"), in qemu-system-aarch64 -cpu max" \
			"$work/share/$release/core.$link" "$work/share/$release/truth.$link"
	done
	[ "$release" != bookworm ] || TUNABLES=glibc.mem.tagging=3 keep bookworm-aarch64-mte bookworm dynamic \
		"the kernel, Linux $(cat "$work/share/kernel"), in qemu-system-aarch64 -M virt,mte=on -cpu max" \
		"$work/share/bookworm/core.tagged" "$work/share/bookworm/truth.tagged"
done
qemu=$work/qemu
mkdir "$qemu"
(ulimit -Hc unlimited && ulimit -c unlimited && cd "$qemu" &&
	env -i qemu-aarch64-static -L "$work/share/$1" "$work/share/$1/victim/plan-dynamic" --small \
		truth.txt) >/dev/null 2>&1 || true
keep "$1-aarch64-qemu-user" "$1" dynamic \
	"$(qemu-aarch64-static --version | head -n 1)" "$(echo "$qemu"/qemu_*.core)" "$qemu/truth.txt"
