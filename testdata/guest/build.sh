#!/bin/bash
# Builds the demo guest from Debian 12 packages and prints the directory that holds it.
#
#   vmlinux   Debian's cloud kernel, unpacked: QEMU enters it directly (PVH), so no guest time goes into unpacking
#   vmlinuz   the same kernel as Debian ships it
#   initrd    busybox, an init that leaves a root shell on the serial console, and the modules that it loads
#
# Nothing is installed and nothing outside the cache directory is written. A second call finds the cache and only prints.
set -euo pipefail
umask 022
export LC_ALL=C

cd "$(dirname "${BASH_SOURCE[0]}")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/conbroker

kernel_meta=linux-image-cloud-amd64
# In the order in which they must be loaded; what boots the guest comes first, the network second.
modules=(drivers/input/evdev drivers/acpi/button
	net/core/failover drivers/net/net_failover drivers/virtio/virtio_ring drivers/virtio/virtio
	drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci
	drivers/net/virtio_net)

die() {
	echo "build.sh: $*" >&2
	exit 1
}

# need PROGRAM PACKAGE: collects the packages that are missing, so that one command mends them all.
missing=()
need() {
	command -v "$1" >/dev/null || missing+=("$2")
}

check_programs() {
	command -v apt-get >/dev/null || die "the guest is made of Debian packages and needs apt-get, which is not here"
	need qemu-system-x86_64 qemu-system-x86
	need cpio cpio
	need lz4 lz4
	need dpkg-deb dpkg
	need flock util-linux
	if ((${#missing[@]})); then
		die "not installed: ${missing[*]}. Install with: sudo apt-get install --no-install-recommends ${missing[*]}"
	fi
}

# resolve sets kernel_package and versions from what apt would download today.
resolve() {
	local show
	show=$(apt-cache show --no-all-versions "$kernel_meta" busybox-static 2>/dev/null) ||
		die "apt does not know $kernel_meta and busybox-static. Try: sudo apt-get update (on another architecture first: sudo dpkg --add-architecture amd64)"
	kernel_package=$(sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' <<<"$show" | head -n 1)
	versions=$(grep -E '^(Package|Version|Depends): ' <<<"$show")
	[[ -n $kernel_package ]] || die "the package $kernel_meta names no kernel"
}

guest_hash() {
	{
		cat build.sh
		find rootfs -type f -print0 | sort -z | xargs -0 sha256sum
		printf '%s\n' "$versions"
	} | sha256sum | cut -c 1-16
}

# fetch DIR: downloads and unpacks the two packages into DIR/tree.
fetch() {
	local options=() deb
	# As root, apt would download as the user _apt, which cannot write here.
	((EUID)) || options=(-o APT::Sandbox::User=root)
	(cd "$1" && apt-get -qq "${options[@]}" download "$kernel_package" busybox-static >&2) ||
		die "apt could not download $kernel_package and busybox-static. Try: sudo apt-get update"
	for deb in "$1"/*.deb; do
		dpkg-deb -x "$deb" "$1/tree"
	done
}

# unpack_kernel VMLINUZ VMLINUX: takes the ELF image out of a bzImage that was packed with lz4.
# Offsets of the header fields: Linux Documentation/arch/x86/boot.rst (setup_sects, payload_offset, payload_length).
unpack_kernel() {
	local sectors offset length
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$1")
	# The last four bytes of the payload are its unpacked size.
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4)) status=none |
		lz4 -dcq >"$2" ||
		die "the kernel of $kernel_package is not packed with lz4"
	[[ $(head -c 4 "$2") == $'\x7fELF' ]] || die "the payload of $kernel_package is not an ELF image"
}

# make_initrd TREE INITRD
make_initrd() {
	local root=$1/../root module found
	mkdir -p "$root"/{bin,dev,etc,lib/modules,proc,root,run,sbin,sys,tmp,var}
	cp -R rootfs/. "$root"
	chmod -R a+rX,u+w "$root"
	chmod 0755 "$root"/init "$root"/sbin/* "$root"/etc/rc "$root"/etc/{net,lease} "$root"/etc/acpi/PWRF/*
	ln -s goodbye "$root/sbin/poweroff"
	ln -s goodbye "$root/sbin/reboot"
	ln -s goodbye "$root/sbin/halt"
	ln -s ../tmp "$root/var/tmp"
	cp "$1/bin/busybox" "$root/bin/busybox"
	for module in "${modules[@]}"; do
		found=("$1"/lib/modules/*/kernel/"$module".ko)
		cp "${found[0]}" "$root/lib/modules/"
	done
	(cd "$root" && find . -print0 | sort -z | cpio --null --quiet --create --format=newc --owner=0:0 --reproducible) |
		gzip -n -1 >"$2"
}

build() {
	local work
	# The lock is held, so what an interrupted call left is nobody's.
	rm -rf "$cache"/.build-*
	work=$(mktemp -d "$cache/.build-XXXXXX")
	# shellcheck disable=SC2064 # the directory is wanted as it is now
	trap "rm -rf $(printf %q "$work")" EXIT
	fetch "$work"
	mkdir "$work/out"
	cp "$work/tree/boot"/vmlinuz-* "$work/out/vmlinuz"
	unpack_kernel "$work/out/vmlinuz" "$work/out/vmlinux"
	make_initrd "$work/tree" "$work/out/initrd"
	chmod 0644 "$work/out"/*
	mv -T "$work/out" "$1"
}

check_programs
resolve
guest=$cache/guest-$(guest_hash)
if [[ ! -d $guest ]]; then
	mkdir -p "$cache"
	exec 9>"$cache/guest.lock"
	flock 9
	[[ -d $guest ]] || build "$guest"
fi
printf '%s\n' "$guest"
