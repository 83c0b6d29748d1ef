set -f
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export PATH
tell() {
	if [ -z "$tty" ]; then printf '%s %s\n' "$mark" "$1" >&2; fi
	printf '%s %s\n' "$mark" "$1"
}
if [ -n "$dir" ] && ! cd -- "$dir" 2>/dev/null; then
	if [ ! -e "$dir" ]; then tell nodir; elif [ -d "$dir" ]; then tell closeddir; else tell notdir; fi
	exit 126
fi
find_program() {
	program= refused=
	case $1 in
	*/*)
		if [ -f "$1" ] && [ -x "$1" ]; then program=$1; elif [ -e "$1" ]; then refused=1; fi
		return
		;;
	esac
	IFS=:
	for each in $PATH; do
		if [ -f "$each/$1" ] && [ -x "$each/$1" ]; then
			program=$each/$1
			break
		elif [ -f "$each/$1" ]; then
			refused=1
		fi
	done
	unset IFS
}
if [ -n "$raise" ] && [ "$(id -u)" = 0 ]; then raise=; fi
if [ -n "$raise" ]; then
	LC_ALL=C
	export LC_ALL
	find_program "${raise%% *}"
	if [ -z "$program" ]; then
		tell noraise
		exit 127
	fi
fi
find_program "$name"
if [ -z "$program" ]; then
	if [ -n "$refused" ]; then
		tell denied
		exit 126
	fi
	tell missing
	exit 127
fi
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
tell "ok $$ ${raise:+raised}"
