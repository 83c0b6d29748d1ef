run=$1 name=$2 machine=$3 saved=$4
shift 4
exec </dev/null
umask 077
dir=$run/$name key=${name%-*}
mkdir -p "$run" && mkdir "$run/.$name" || exit
printf '%s\n' "$$" >"$run/.$name/starter"
printf '%s' "$machine" >"$run/.$name/machine.json" || {
	rm -rf "$run/.$name"
	exit 1
}
mv "$run/.$name" "$dir" || exit
"$@" >"$dir/said" 2>&1
status=$?
if [ "$status" -eq 0 ]; then
	# QEMU has the lock of the pid file now: no other run of this machine lives.
	if [ -n "$saved" ] && [ -e "$saved" ]; then
		kill -KILL "$(pidof_run "$dir")"
		rm -rf "$dir"
		section suspended
		exit 0
	fi
	for other in "$run/$key"-*/; do
		[ "$other" = "$dir/" ] || rm -rf "$other"
	done
	rm -f "$dir/starter" "$dir/said"
	section started
	pidof_run "$dir"
	exit 0
fi
for other in "$run/$key"-*/; do
	if pid=$(pidof_run "${other%/}"); then
		section running
		printf %s "$pid"
	fi
done
section status
printf %s "$status"
section said
cat "$dir/qemu.log" "$dir/said" 2>/dev/null
rm -rf "$dir"
