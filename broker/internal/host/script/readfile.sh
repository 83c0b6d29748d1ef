path=$1 most=$2
exec </dev/null
if [ -f "$path" ] && [ -r "$path" ]; then
	section data
	head -c "$most" "$path" || section failed
elif [ -f "$path" ]; then
	section permission
elif [ -e "$path" ]; then
	section kind
else
	while [ -n "$path" ] && [ ! -e "$path" ]; do path=${path%/*}; done
	if [ -d "${path:-/}" ] && [ ! -x "${path:-/}" ]; then section permission; else section missing; fi
fi
