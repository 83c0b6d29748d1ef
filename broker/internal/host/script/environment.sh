most=$1
exec </dev/null
uid=$(id -u)
mine() { [ -n "$(find "$1" -prune -type d -user "$uid" 2>/dev/null)" ]; }
shut() { [ -n "$(find "$1" -prune -type d ! -perm -0001 ! -perm -0002 ! -perm -0004 ! -perm -0010 ! -perm -0020 ! -perm -0040 2>/dev/null)" ]; }
say() {
	section "$1"
	printf %s "$2"
}
refuse() {
	say problem "$1"
	section end
	exit 0
}
private() {
	(umask 077 && mkdir -p "$2") 2>/dev/null
	if [ -L "$2" ] || [ ! -d "$2" ]; then
		refuse "$2 is not a directory and cannot be made one"
	elif ! mine "$2"; then
		refuse "$2 belongs to somebody else: remove it, or set CONBROKER_RUNTIME_DIR to a directory of your own"
	elif ! shut "$2"; then
		refuse "$2 is open to others: chmod 700 it"
	fi
	say "$1" "$2"
}

xdg=${XDG_RUNTIME_DIR%/}
case $XDG_RUNTIME_DIR in
/*) ;;
*) xdg= ;;
esac
if [ -n "$CONBROKER_RUNTIME_DIR" ]; then
	case $CONBROKER_RUNTIME_DIR in
	/*) ;;
	*) refuse "CONBROKER_RUNTIME_DIR is not an absolute path" ;;
	esac
	runtime=${CONBROKER_RUNTIME_DIR%/}
	[ "${#runtime}" -le "$most" ] || refuse "CONBROKER_RUNTIME_DIR is too long for sockets"
elif [ -n "$xdg" ] && mine "$xdg" && [ "${#xdg}" -le "$((most - 10))" ]; then
	runtime=$xdg/conbroker
else
	runtime=/tmp/conbroker-$uid
fi
case $XDG_STATE_HOME in
/*) state=${XDG_STATE_HOME%/}/conbroker ;;
*) state=${HOME%/}/.local/state/conbroker ;;
esac

say user "$(id -un)"
say uid "$uid"
say group "$(id -gn)"
say home "${HOME:-/}"
private runtime "$runtime"
private state "$state"
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null)"
node=$(hostname -f 2>/dev/null)
case $node in
'' | localhost | localhost.*) node=$(uname -n) ;;
esac
say node "$node"
say system "$(uname -s)"
say release "$(uname -r)"
say machine "$(uname -m)"
