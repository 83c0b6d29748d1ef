domain=$1 state=$2 record=$3 key=$4
exec </dev/null
umask 077
part=$state.$$.part
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
dir=/var/lib/xen/conbroker
section failed
if [ -d "$state" ]; then
	echo "$state is a directory"
elif mkdir -p "$dir" && xl save "$domain" "$part" 2>&1; then
	mv -f "$part" "$state" && printf %s "$record" >"$dir/$key.saved" && section saved
fi
