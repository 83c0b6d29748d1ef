# Waits until the run in DIR has ended, at most ROUNDS times 50 ms, then removes what it left. SIGNAL, unless empty, is sent
# to it first. PID is its process, if that is known: QEMU removes its pid file a little before it ends.
dir=$1 rounds=$2 signal=$3
exec </dev/null
pid=${4:-$(pidof_run "$dir")}
option=$(asoption "$dir")
[ -z "$signal" ] || ! running "$pid" "$option" || kill "-$signal" "$pid"
while running "$pid" "$option"; do
	[ "$rounds" -gt 0 ] || {
		section alive
		exit 0
	}
	rounds=$((rounds - 1))
	sleep 0.05 2>/dev/null || sleep 1
done
section log
tail -c 4096 "$dir/qemu.log" 2>/dev/null
[ -e "$dir/starter" ] && [ -z "$signal" ] || rm -rf "$dir" "${dir%/*}/.${dir##*/}"
