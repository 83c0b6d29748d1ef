#!/bin/bash
# base.sh DIR: makes DIR/rootfs.tar, a Debian 12 system with the packages that are named in the file "packages", and
# DIR/debs with the kernels and the hypervisor, which are unpacked later and never installed: their install scripts would
# build boot images that the lab does not need.
#
# mmdebstrap works as root, and as anybody else where newuidmap is installed and /etc/subuid names the user, or fakechroot is
# there (mmdebstrap(1), --mode).
set -euo pipefail

readonly suite=bookworm
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1
include=$(grep -v '^#' "$here/packages" | paste -sd,)

# shellcheck disable=SC2016 # expanded by the shell that mmdebstrap starts
clear='rm -r "$1/debs"'
# Runs outside of the new system with its sources: the versions fit, whatever this computer runs.
# shellcheck disable=SC2016 # expanded by the shell that mmdebstrap starts
download='
	set -e
	export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
	wanted=xen-hypervisor-4.17-amd64
	for meta in linux-image-amd64 linux-image-cloud-amd64; do
		wanted="$wanted $(apt-cache depends "$meta" | sed -n "s/^ *Depends: \(linux-image-[^ ]*\).*/\1/p" | head -n 1)"
	done
	mkdir "$1/debs"
	cd "$1/debs"
	apt-get -qq -o APT::Sandbox::User=root download $wanted'

export TMPDIR=$dir SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
mmdebstrap --quiet --variant=minbase --architectures=amd64 \
	--dpkgopt=force-unsafe-io \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--include="$include" \
	--customize-hook="$download" --customize-hook="copy-out /debs $dir" --customize-hook="$clear" \
	"$suite" "$dir/rootfs.tar"
