#!/bin/bash
# boot.sh [HOST PORT]: lets a clone of the frozen host go on as HOST (lab00 or lab01) whose sshd is at 127.0.0.1:PORT, and
# prints how to reach it. Without arguments both hosts come up, at ports 2300 and 2301. Builds the lab if need be. A host that
# runs already is left as it is.
#
# Files of running hosts are in $CONBROKER_XENLAB_RUN, else in /tmp/conbroker-xenlab-UID: HOST/qemu.pid, HOST/console.log,
# HOST/ssh_config for "ssh -F FILE [USER@]HOST".
set -euo pipefail
umask 077
export LC_ALL=C
export PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu.sh
. "$here/qemu.sh"

die() {
	echo "boot.sh: $*" >&2
	exit 1
}

# resume LAB RUN PORT: starts the clone; it writes neither to the frozen memory nor to the frozen disk.
resume() {
	qemu_start "$1" "$2" "$3" \
		-drive "file=$1/frozen.disk,if=none,id=disk,format=raw,snapshot=on,cache=unsafe" \
		-object "memory-backend-file,id=ram,size=${MEMORY}M,mem-path=$1/frozen.ram,share=off" \
		-incoming defer
	qmp_open "$2"
	qmp migrate-set-capabilities '{"capabilities": [{"capability": "x-ignore-shared", "state": true}]}'
	qmp migrate-incoming "{\"uri\": \"exec:cat '$1/frozen.devices'\"}"
	qmp_await query-migrate '"status": "completed"' 60
	qmp cont
}

# name RUN HOST: gives the clone its name and waits until its sshd listens.
name() {
	local answer
	exec {agent_in}<>"$1/agent.in" {agent_out}<>"$1/agent.out"
	echo "$2 $(date +%s)" >&"$agent_in"
	while IFS= read -r -t 120 -u "$agent_out" answer; do
		[[ $answer != *"ready $2"* ]] || return 0
	done
	die "$2 did not answer; see $1/console.log"
}

# write_config LAB RUN HOST PORT
write_config() {
	local link=$2/keys
	# A link, because ssh_config has trouble with blanks in some values.
	ln -sfn "$1/keys" "$link"
	cat >"$2/ssh_config" <<CONFIG
Host $3
	HostName 127.0.0.1
	Port $4
	User acue
	HostKeyAlias $3
	IdentityFile $link/id_lab
	IdentitiesOnly yes
	UserKnownHostsFile $link/known_hosts
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
CONFIG
}

# boot LAB RUNS HOST PORT
boot() {
	local run=$2/$3
	if running "$run" >/dev/null; then
		echo "$3 runs already" >&2
	else
		rm -rf "$run"
		mkdir -p "$run"
		if ! (resume "$1" "$run" "$4" && name "$run" "$3"); then
			stop_left "$run"
			die "$3 did not come up; see $run/console.log"
		fi
		write_config "$1" "$run" "$3" "$4"
	fi
	echo "ssh -F $run/ssh_config $3"
}

runs=${CONBROKER_XENLAB_RUN:-/tmp/conbroker-xenlab-$(id -u)}
case $#:${1-} in
0:) set -- lab00 2300 lab01 2301 ;;
2:lab00 | 2:lab01) ;;
*) echo "usage: boot.sh [lab00|lab01 PORT]" >&2; exit 2 ;;
esac
lab=$("$here/build.sh")
while (($#)); do
	boot "$lab" "$runs" "$1" "$2"
	shift 2
done
