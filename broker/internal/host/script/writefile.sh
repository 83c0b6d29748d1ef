path=$1 new=$2 size=$3 mode=$4
dir=${path%/*}
dir=${dir:-/}
write() {
	(umask 077 && set -C && cat >"$new") 2>&1 && [ "$(wc -c <"$new")" -eq "$size" ] &&
		chmod "$mode" "$new" 2>&1 && mv -f "$new" "$path" 2>&1
}
if [ -d "$path" ]; then
	section kind
elif [ ! -d "$dir" ]; then
	section missing
elif [ ! -w "$dir" ] || [ ! -x "$dir" ]; then
	section permission
else
	trap 'rm -f "$new"' EXIT
	trap 'exit 1' HUP INT TERM
	section failed
	if write; then section written; fi
fi
