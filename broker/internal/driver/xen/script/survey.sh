exec </dev/null

# An xl process that takes care of a domain writes to a log that is named after it.
watchers() {
	for pid in $(pgrep -x xl); do
		log=$(readlink "/proc/$pid/fd/1") && case $log in
		*/xl-*.log)
			section watcher
			printf '%s\0' "$log"
			tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CONBROKER_CONFIG=//p' | tr -d '\n'
			printf '\0'
			cat "/proc/$pid/cmdline"
			;;
		esac
	done
}

saved() {
	for record in /var/lib/xen/conbroker/*.saved; do
		[ -f "$record" ] || continue
		IFS= read -r state <"$record"
		if [ -f "$state" ]; then
			section saved
			cat "$record"
		fi
	done
}

section list
if xl list -v 2>&1; then
	watchers 2>/dev/null
	if [ "$1" = full ]; then
		section long
		xl list -l 2>/dev/null
		section store
		xenstore-ls -f /local/domain 2>/dev/null
		section version
		cat /sys/hypervisor/version/major /sys/hypervisor/version/minor 2>/dev/null
		section machine
		uname -m
		saved
	fi
else
	section failed
fi
