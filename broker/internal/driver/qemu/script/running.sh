# running PID DIR: is PID a process that was started for the run in DIR? Its arguments name sockets in DIR, so a number that
# was given to another program since does not count.
running() {
	case $1 in
	'' | *[!0-9]*) return 1 ;;
	esac
	if [ -e /proc/self/cmdline ]; then
		tr '\0' '\n' <"/proc/$1/cmdline"
	else
		ps -ww -o args= -p "$1"
	fi 2>/dev/null | grep -qF -- "path=$2/"
}
# asoption TEXT: TEXT as it stands in QEMU's arguments, with commas doubled.
asoption() { printf '%s\n' "$1" | sed 's/,/,,/g'; }
# pidof_run DIR: prints the process of a run, if it lives.
pidof_run() {
	base=${1##*/}
	pid=
	read -r pid <"${1%/*}/${base%-*}.pid"
	if running "$pid" "$(asoption "$1")"; then
		echo "$pid"
	else
		return 1
	fi
} 2>/dev/null
