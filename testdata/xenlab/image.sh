#!/bin/bash
# image.sh DIR BASE: makes the images of the lab in DIR from what base.sh left in BASE and from the keys in DIR/keys. Runs as
# root, or below fakeroot: it changes owners, but only in files of its own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1 base=$2
root=$dir/root

# Name, number, password. acue raises rights by ksu and by sudo, chkusr by sudo, sudopw by sudo with a password, ksuonly by
# ksu, norights not at all.
readonly users='acue 1000
chkusr 1001
sudopw 1002
ksuonly 1003
norights 1004'

# inside PROGRAM ARGUMENT...: runs a program of the new system, with its own libraries, on files of this one.
inside() {
	local program=$1 lib=$root/usr/lib/x86_64-linux-gnu
	shift
	env -u LD_PRELOAD -u LD_LIBRARY_PATH "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib:$lib/krb5" \
		--argv0 "${program##*/}" "$root${alias:-$program}" "$@"
}

# unpack_kernel VMLINUZ PROGRAM...: takes the ELF image out of a bzImage; PROGRAM unpacks the payload.
# Offsets of the header fields: Linux Documentation/arch/x86/boot.rst (setup_sects, payload_offset, payload_length).
unpack_kernel() {
	local file=$1 sectors offset length
	shift
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$file")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$file")
	# The last four bytes of the payload are its unpacked size.
	dd if="$file" bs=1M iflag=skip_bytes,count_bytes skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4)) status=none | "$@"
}

# unpack_packages: QEMU cannot unpack what it loads, and an emulated processor should not have to.
unpack_packages() {
	local deb
	for deb in "$base"/debs/*.deb; do
		case ${deb##*/} in
		*-cloud-amd64_*) dpkg-deb -x "$deb" "$dir/cloud" ;;
		linux-image-*) dpkg-deb -x "$deb" "$dir/linux" ;;
		*) dpkg-deb -x "$deb" "$dir/xen" ;;
		esac
	done
	gunzip -c "$dir"/xen/boot/xen-*-amd64.gz >"$dir/xen.elf"
	unpack_kernel "$dir"/linux/boot/vmlinuz-* xz -dc --single-stream >"$dir/vmlinux"
	mkdir -p "$root/srv/xen"
	unpack_kernel "$dir"/cloud/boot/vmlinuz-* lz4 -dcq >"$root/srv/xen/vmlinux"
	# Packed as Debian ships it, for the tests of a kernel that cannot be loaded and of one that must be unpacked.
	cp "$dir"/cloud/boot/vmlinuz-* "$root/srv/xen/vmlinuz"
}

# module_files NAME...: the files of kernel modules and of what they need, in the order in which they must be loaded.
module_files() {
	local name
	for name; do
		alias=/usr/bin/kmod inside modprobe -d "$dir/linux" -S "$version" -D "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++'
}

install_modules() {
	local from=$dir/linux/lib/modules/$version to=$root/usr/lib/modules/$version file
	alias=/usr/bin/kmod inside depmod -b "$dir/linux" "$version"
	mkdir -p "$to"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	module_files virtio_blk virtio_pci virtio_net ext4 crc32c_generic xen-evtchn xen-privcmd xen-gntdev xen-gntalloc xenfs \
		xen-netback xen-blkback bridge tun loop |
		while IFS= read -r file; do
			mkdir -p "$to/$(dirname "${file#"$from"/}")"
			cp "$file" "$to/${file#"$from"/}"
		done
	alias=/usr/bin/kmod inside depmod -b "$root" "$version"
}

# archive DIR FILE: packs an initial file system.
archive() {
	(cd "$1" && find . -print0 | sort -z | cpio --null --quiet --create --format=newc --owner=0:0) >"$2"
}

make_host_initrd() {
	local tree=$dir/initramfs file
	mkdir -p "$tree"/{bin,dev,proc,root,modules}
	cp "$root/bin/busybox" "$tree/bin/"
	install -m 0755 "$here/initramfs/init" "$tree/init"
	module_files virtio_pci virtio_blk crc32c_generic ext4 | while IFS= read -r file; do
		cp "$file" "$tree/modules/"
		echo "${file##*/}" >>"$tree/modules/order"
	done
	archive "$tree" "$dir/initrd"
}

make_guest_initrd() {
	local tree=$dir/domu name
	mkdir -p "$tree"/{bin,sbin,dev,proc,sys,etc,root,tmp,run}
	cp "$root/bin/busybox" "$tree/bin/"
	for name in sh ls cat echo ps mount umount dmesg hostname ip uname sleep date stty vi top free tty id seq login; do
		ln -s busybox "$tree/bin/$name"
	done
	for name in init getty reboot poweroff halt; do ln -s ../bin/busybox "$tree/sbin/$name"; done
	install -m 0755 "$here/domu/init" "$tree/init"
	cp "$here/domu/inittab" "$tree/etc/inittab"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
	echo 'root:x:0:' >"$tree/etc/group"
	echo "root:$(openssl passwd -6 rootpw):19000:0:99999:7:::" >"$tree/etc/shadow"
	chmod 0600 "$tree/etc/shadow"
	archive "$tree" "$root/srv/xen/initrd"
}

configure_host() {
	local name
	cp -R "$here/dom0/." "$root/"
	chmod 0755 "$root/etc/lab/rc" "$root/etc/lab/agent" "$root/etc/xen/scripts/vif-lab"
	chmod 0440 "$root/etc/sudoers.d/lab"
	echo 'vif.default.script="vif-lab"' >>"$root/etc/xen/xl.conf"
	ln -sf /bin/busybox "$root/sbin/init"
	for name in reboot poweroff halt; do [[ -e $root/sbin/$name ]] || ln -s /bin/busybox "$root/sbin/$name"; done
	rm -f "$root"/etc/ssh/ssh_host_*
	for name in lab00 lab01; do
		install -m 0600 "$dir/keys/${name}_ed25519" "$root/etc/ssh/"
	done
	sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"
	# Names that a login looks for and that cost time to miss.
	: >"$root/etc/motd"
}

# add_users: as useradd would, which runs only inside of the system itself.
add_users() {
	local name id home
	mkdir -p "$root/homen"
	while read -r name id; do
		home=$root/homen/$name
		echo "$name:x:$id:$id::/homen/$name:/bin/bash" >>"$root/etc/passwd"
		echo "$name:x:$id:" >>"$root/etc/group"
		echo "$name:$(openssl passwd -6 "${name}pw"):19000:0:99999:7:::" >>"$root/etc/shadow"
		mkdir -p "$home"
		cp -R "$root/etc/skel/." "$home"
		[[ -e $home/xen ]] || ln -s ../acue/xen "$home/xen"
		authorize "$home"
	done <<<"$users"
	authorize "$root/root"
}

# authorize HOME: lets the lab's keys in.
authorize() {
	install -d -m 0700 "$1/.ssh"
	cat "$dir"/keys/id_{lab,passphrase}.pub >"$1/.ssh/authorized_keys"
}

make_realm() {
	local name id
	sed "s|/var/lib/krb5kdc/|$root&|; s|/etc/krb5kdc/|$root&|" "$root/etc/krb5kdc/kdc.conf" >"$dir/kdc.conf"
	{
		cat "$root/etc/krb5.conf"
		printf '[dbmodules]\n db_module_dir = %s\n' "$root/usr/lib/x86_64-linux-gnu/krb5/plugins/kdb"
	} >"$dir/krb5.conf"
	export KRB5_CONFIG=$dir/krb5.conf KRB5_KDC_PROFILE=$dir/kdc.conf
	mkdir -p "$root/var/lib/krb5kdc"
	inside /usr/sbin/kdb5_util create -s -r LAB.TEST -P masterpw >"$dir/realm.log"
	{
		while read -r name id; do
			echo "addprinc -pw ${name}pw $name"
			echo "ktadd -norandkey -k $root/homen/$name/.keytab $name"
		done <<<"$users"
		for name in lab00 lab01; do
			for id in "$name" "$name.lab.test"; do
				echo "addprinc -randkey host/$id"
				echo "ktadd -k $root/etc/krb5.keytab host/$id"
			done
		done
	} | inside /usr/sbin/kadmin.local >>"$dir/realm.log" 2>&1
	# kadmin.local reports failures and exits with 0.
	[[ -s $root/homen/acue/.keytab && -s $root/etc/krb5.keytab ]] || {
		cat "$dir/realm.log" >&2
		exit 1
	}
	printf '%s@LAB.TEST\n' acue ksuonly >"$root/root/.k5login"
	chmod 0600 "$root/root/.k5login"
}

own_homes() {
	local name id
	while read -r name id; do
		chown -hR "$id:$id" "$root/homen/$name"
	done <<<"$users"
}

make_disk() {
	rm -rf "$root"/usr/share/{doc,info,locale,man,zoneinfo,bash-completion,lintian} "$root"/var/cache/* "$root"/var/lib/apt/lists/*
	truncate -s 768M "$dir/frozen.disk"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$dir/frozen.disk"
}

mkdir "$root"
tar -C "$root" --exclude=./dev/\* -xf "$base/rootfs.tar"
unpack_packages
version=$(ls "$dir/linux/lib/modules")
install_modules
make_host_initrd
make_guest_initrd
configure_host
add_users
make_realm
own_homes
make_disk
rm -rf "$root" "$dir"/{linux,cloud,xen,initramfs,domu} "$dir"/{kdc,krb5}.conf "$dir/realm.log"
