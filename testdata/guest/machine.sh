#!/bin/bash
# machine.sh LABEL [DIR]: writes DIR/LABEL.toml (default: the current directory), the machine file of a demo guest, builds the
# guest if need be, and prints the file's path. LABEL is tst100, tst101 or tst104.
set -euo pipefail

usage() {
	echo "usage: machine.sh tst100|tst101|tst104 [DIR]" >&2
	exit 2
}

# quoted TEXT: TEXT as a TOML basic string.
quoted() {
	local text=${1//\\/\\\\}
	printf '"%s"' "${text//\"/\\\"}"
}

(($# == 1 || $# == 2)) || usage
label=$1
dir=${2:-.}
case $label in
tst100) uuid=6842caf91e3e43249ed596b8b9f2c5c2 mac=00:50:56:13:11:40 ip=192.168.1.220 ;;
tst101) uuid=0f3dd5d1a6a5443c8c2ae4b4a8e71f62 mac=00:50:56:13:11:41 ip=192.168.1.221 ;;
tst104) uuid=c9b2f3a07c1d4c5f9d5e1f60b7d2a844 mac=00:50:56:13:11:44 ip=192.168.1.224 ;;
*) usage ;;
esac

guest=$("$(dirname "${BASH_SOURCE[0]}")/build.sh")
mkdir -p "$dir"
file=$dir/$label.toml
temp=$(mktemp "$dir/.$label.XXXXXX")
trap 'rm -f "$temp"' EXIT
cat >"$temp" <<TOML
# A demo guest: Debian's cloud kernel with busybox, a root shell on the serial console.
label = "$label"
uuid = "$uuid"
memory = "192MiB"
vcpus = 1
machine = "q35"
kernel = $(quoted "$guest/vmlinux")
initrd = $(quoted "$guest/initrd")
append = "console=ttyS0 quiet hostname=$label"

[[nic]]
mac = "$mac"
ip = "$ip"
network = "user"
TOML
chmod 0644 "$temp"
mv -T "$temp" "$file"
printf '%s\n' "$file"
