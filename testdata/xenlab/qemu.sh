# Functions to run a host of the lab in QEMU and to talk to QEMU; sourced by build.sh, boot.sh and stop.sh.
#
# A host's directory RUN holds qemu.pid, console.log (Xen and domain 0), and pairs of named pipes: qmp.* for QEMU's monitor,
# agent.* for the second serial port, where the host waits for its name.
# shellcheck shell=bash

readonly MEMORY=4096

# What cost time to find out about Xen 4.17 on an emulated processor (QEMU 7.2, TCG):
# - With SMAP a PV domain 0 dies at once: TCG faults on the IRET from ring 3 to ring 3.
# - The memory of domain 0 decides how long it boots; rodata=off saves the search for writable code.
# - The first "module" of multiboot is the kernel with its arguments, the second its initial file system.
qemu_start() { # DIR RUN PORT ARGUMENT...: PORT is on 127.0.0.1 and leads to sshd; 0 is any free one
	local dir=$1 run=$2 port=$3 pipe
	shift 3
	for pipe in qmp agent; do mkfifo -m 0600 "$run/$pipe.in" "$run/$pipe.out"; done
	qemu-system-x86_64 -name "xenlab" -accel tcg,thread=multi,tb-size=1024 -M pc,memory-backend=ram \
		-cpu max,-smap,-svm,-erms,-fsrm -smp 2 -m "$MEMORY" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir/xen.elf" \
		-append "console=com1 com1=115200,8n1 dom0_mem=384M,max:384M dom0_max_vcpus=1 spec-ctrl=no xpti=no bootscrub=0 noreboot loglvl=info guest_loglvl=info" \
		-initrd "$dir/vmlinux console=hvc0 ro quiet mitigations=off init_on_alloc=0 rodata=off nowatchdog audit=0 net.ifnames=0 swiotlb=2048,$dir/initrd" \
		-device virtio-blk-pci,drive=disk \
		-netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=net,romfile= \
		-chardev "file,id=console,path=$run/console.log" -serial chardev:console \
		-chardev "pipe,id=agent,path=$run/agent" -serial chardev:agent \
		-chardev "pipe,id=qmp,path=$run/qmp" -mon chardev=qmp,mode=control \
		-pidfile "$run/qemu.pid" -daemonize "$@"
}

# running RUN: prints the process number if QEMU runs there.
running() {
	local pid
	pid=$(cat "$1/qemu.pid" 2>/dev/null) && [[ -n $pid ]] || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1/qemu.pid" && echo "$pid"
}

# await_log RUN TEXT SECONDS: waits until the console says TEXT.
await_log() {
	local until=$((SECONDS + $3))
	until grep -aq "$2" "$1/console.log"; do
		running "$1" >/dev/null || { tail -n 5 "$1/console.log" >&2; echo "QEMU has ended" >&2; return 1; }
		((SECONDS < until)) || { tail -n 5 "$1/console.log" >&2; echo "no $2 after $3 s" >&2; return 1; }
		sleep 0.1
	done
}

# await_end RUN SECONDS
await_end() {
	local until=$((SECONDS + $2))
	while running "$1" >/dev/null; do
		((SECONDS < until)) || return 1
		sleep 0.05
	done
}

# stop_left RUN: ends QEMU at once if it runs there.
stop_left() {
	local pid
	pid=$(running "$1") || return 0
	kill -CONT "$pid"
	kill -KILL "$pid"
	await_end "$1" 10
}

# qmp_open RUN: connects to QEMU's monitor; one at a time.
qmp_open() {
	exec {qmp_in}<>"$1/qmp.in" {qmp_out}<>"$1/qmp.out"
	qmp qmp_capabilities
}

# qmp COMMAND [ARGUMENTS]: runs one command; its answer is in qmp_answer.
qmp() {
	printf '{"execute": "%s", "arguments": %s}\n' "$1" "${2:-{\}}" >&"$qmp_in"
	while IFS= read -r -t 60 -u "$qmp_out" qmp_answer; do
		case $qmp_answer in
		'{"return"'*) return 0 ;;
		'{"error"'*) echo "QEMU: $1: $qmp_answer" >&2; return 1 ;;
		esac
	done
	echo "QEMU: no answer to $1" >&2
	return 1
}

# qmp_await COMMAND TEXT SECONDS: repeats COMMAND until its answer holds TEXT.
qmp_await() {
	local until=$((SECONDS + $3))
	until qmp "$1" && [[ $qmp_answer == *"$2"* ]]; do
		[[ $qmp_answer != *'"status": "failed"'* ]] || { echo "QEMU: $1: $qmp_answer" >&2; return 1; }
		((SECONDS < until)) || { echo "QEMU: $1: no $2 after $3 s" >&2; return 1; }
		sleep 0.05
	done
}
