#!/bin/bash
# Builds the lab's hosts from Debian 12 packages, boots one of them once, freezes it when it is ready, and prints the
# directory that holds it all:
#
#   xen.elf, vmlinux, initrd     hypervisor, and the kernel and initial file system of the host (domain 0)
#   frozen.{disk,ram,devices}    the host as it was when it was ready; clones go on from there
#   console.log                  what it said until then
#   keys/                        id_lab (no passphrase), id_passphrase (passphrase "labphrase"), the hosts' keys, known_hosts
#
# Nothing outside the cache directory is written; no loop device, no mount, and as root or not (see base.sh). A second call
# finds the cache and only prints. Labs of other versions of these files are removed when they were not used for a week.
set -euo pipefail
umask 022
export LC_ALL=C
export PATH=$PATH:/usr/sbin:/sbin

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=qemu.sh
. ./qemu.sh
cache=${XDG_CACHE_HOME:-$HOME/.cache}/conbroker

die() {
	echo "build.sh: $*" >&2
	exit 1
}

# check_programs tells all that is missing at once.
check_programs() {
	local missing=() pair
	for pair in qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio \
		lz4:lz4 xz:xz-utils openssl:openssl ssh-keygen:openssh-client flock:util-linux; do
		command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	((EUID == 0)) || command -v fakeroot >/dev/null || missing+=(fakeroot)
	if ((${#missing[@]})); then
		die "not installed: ${missing[*]}. Install with: sudo apt-get install --no-install-recommends ${missing[*]}"
	fi
}

# sum PATH...: a short hash of files and of everything below directories.
sum() {
	find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16
}

# lab_sum: all that the frozen host depends on; its devices can be read only by the QEMU that wrote them.
lab_sum() {
	{
		sum base.sh packages build.sh image.sh qemu.sh dom0 domu initramfs
		qemu-system-x86_64 --version
	} | sha256sum | cut -c 1-16
}

# make_keys DIR
make_keys() {
	local name
	mkdir -m 0700 "$1"
	ssh-keygen -q -t ed25519 -N '' -C lab -f "$1/id_lab"
	ssh-keygen -q -t ed25519 -N labphrase -C passphrase -f "$1/id_passphrase"
	for name in lab00 lab01; do
		ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$1/${name}_ed25519"
		echo "$name $(cut -d' ' -f 1,2 "$1/${name}_ed25519.pub")" >>"$1/known_hosts"
	done
}

# freeze DIR: boots the host that lies in DIR and keeps the state it has when it waits for its name.
freeze() {
	local run=$1/run
	mkdir "$run"
	qemu_start "$1" "$run" 0 \
		-drive "file=$1/frozen.disk,if=none,id=disk,format=raw,cache=unsafe" \
		-object "memory-backend-file,id=ram,size=${MEMORY}M,mem-path=$1/frozen.ram,share=on"
	await_log "$run" LAB-READY 300
	qmp_open "$run"
	qmp stop
	qmp migrate-set-capabilities '{"capabilities": [{"capability": "x-ignore-shared", "state": true}]}'
	qmp migrate "{\"uri\": \"exec:cat > '$1/frozen.devices'\"}"
	qmp_await query-migrate '"status": "completed"' 120
	qmp quit
	await_end "$run" 20
	cp "$run/console.log" "$1/console.log"
	rm -r "$run"
}

# build DIR BASE
build() {
	local work wrap=()
	work=$(mktemp -d "$cache/.xenlab-XXXXXX")
	# shellcheck disable=SC2064 # the directory is wanted as it is now
	trap "stop_left $(printf %q "$work/run"); rm -rf $(printf %q "$work")" EXIT
	((EUID == 0)) || wrap=(fakeroot)
	make_keys "$work/keys"
	"${wrap[@]}" ./image.sh "$work" "$2" >&2
	freeze "$work" >&2
	mv -T "$work" "$1"
}

build_base() {
	local work
	work=$(mktemp -d "$cache/.xenbase-XXXXXX")
	# shellcheck disable=SC2064 # as above
	trap "rm -rf $(printf %q "$work")" EXIT
	./base.sh "$work" >&2
	mv -T "$work" "$1"
	trap - EXIT
}

check_programs
lab=$cache/xenlab-$(lab_sum)
if [[ ! -d $lab ]]; then
	mkdir -p "$cache"
	exec 9>"$cache/xenlab.lock"
	flock 9
	if [[ ! -d $lab ]]; then
		# The lock is held, so what an interrupted call left is nobody's.
		rm -rf "$cache"/.xenlab-* "$cache"/.xenbase-*
		find "$cache" -maxdepth 1 -name 'xenlab-*' -mtime +7 -exec rm -rf {} +
		base=$cache/xenbase-$(sum base.sh packages)
		[[ -d $base ]] || build_base "$base"
		build "$lab" "$base"
	fi
fi
touch "$lab"
printf '%s\n' "$lab"
