key=$1 state=$2
exec </dev/null
if rm -f "/var/lib/xen/conbroker/$key.saved" && { [ -z "$state" ] || rm -f "$state"; }; then
	section removed
fi
