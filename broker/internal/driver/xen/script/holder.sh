domain=$1
exec </dev/null
for pid in $(pgrep -x xenconsole); do
	[ "$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 2p)" = "$domain" ] || continue
	# The client runs as root; who started it is the first of its ancestors that is somebody else.
	up=$pid user=root
	while [ "${up:-0}" -gt 1 ] && [ "$user" = root ]; do
		user=$(ps -o user= -p "$up")
		up=$(ps -o ppid= -p "$up" | tr -d ' ')
	done
	section holder
	printf 'process %s, user %s' "$pid" "${user:-root}"
	break
done 2>/dev/null
true
