# Takes the lock of a serial port: the file serial.lock in DIR, whose one line ME begins with the time. With a third
# argument a lock that reads STALE is removed first.
file=$1/serial.lock me=$2 stale=$3
exec </dev/null
umask 077
if [ -n "$stale" ] && mv "$file" "$file.$$" 2>/dev/null; then
	# Another broker may have been faster: what it has put there goes back.
	[ "$(cat "$file.$$")" = "$stale" ] || ln "$file.$$" "$file"
	rm -f "$file.$$"
fi 2>/dev/null
now=$(date +%s)
if (set -C && printf '%s %s\n' "$now" "$me" >"$file") 2>/dev/null; then
	section locked
	printf '%s %s' "$now" "$me"
elif [ -d "$1" ]; then
	section held
	cat "$file" 2>/dev/null
	section now
	printf %s "$now"
fi
