run=$1 save=$2
exec </dev/null
for dir in "$run"/*/; do
	dir=${dir%/}
	[ -f "$dir/machine.json" ] || continue
	if pid=$(pidof_run "$dir"); then
		section dir
		printf %s "$dir"
		section pid
		printf %s "$pid"
		section machine
		cat "$dir/machine.json"
	elif ! { read -r starter <"$dir/starter" && kill -0 "$starter"; } 2>/dev/null; then
		# Neither QEMU nor the script that starts it: the run has ended without cleaning up.
		rm -rf "$dir"
	fi
done
for file in "$save"/*.saved; do
	[ -f "$file" ] || continue
	{ read -r state && read -r machine; } <"$file" || continue
	[ -f "$state" ] || continue
	section saved
	printf '%s\n%s\n%s' "$file" "$state" "$machine"
done
