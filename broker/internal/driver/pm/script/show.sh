exec </dev/null
TERM=dumb COLUMNS=160
export TERM COLUMNS
section node
uname -n
section system
uname -s
section release
uname -r
section machine
uname -m
section os
cat /etc/os-release 2>/dev/null || sw_vers 2>/dev/null
section uptime
cat /proc/uptime 2>/dev/null
section load
cat /proc/loadavg 2>/dev/null || sysctl -n vm.loadavg 2>/dev/null
section memory
cat /proc/meminfo 2>/dev/null
section memsize
sysctl -n hw.memsize 2>/dev/null
section top
{ top -b -n 1 2>/dev/null || ps -A -r -o pid,user,pcpu,pmem,time,comm 2>/dev/null; } | head -n 30
section disks
df -P -k -l 2>/dev/null || df -P -k 2>/dev/null
for input in /sys/class/hwmon/hwmon*/temp*_input; do
	[ -r "$input" ] || continue
	base=${input%_input}
	section temperature
	for file in "${base%/*}/name" "${base}_label" "$input" "${base}_max" "${base}_crit" "${base}_alarm"; do
		value=
		[ ! -r "$file" ] || IFS= read -r value <"$file" || :
		printf '%s\n' "$value"
	done
done 2>/dev/null
