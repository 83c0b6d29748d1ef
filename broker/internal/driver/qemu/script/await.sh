# Waits until the run in DIR has ended, at most ROUNDS times 50 ms, then removes what it left. SIGNAL, unless empty, is sent
# to it first.
dir=$1 rounds=$2 signal=$3
exec </dev/null
[ -z "$signal" ] || ! pid=$(pidof_run "$dir") || kill "-$signal" "$pid"
while pidof_run "$dir" >/dev/null; do
	[ "$rounds" -gt 0 ] || {
		section alive
		exit 0
	}
	rounds=$((rounds - 1))
	sleep 0.05 2>/dev/null || sleep 1
done
section log
tail -c 4096 "$dir/qemu.log" 2>/dev/null
[ -e "$dir/starter" ] || rm -rf "$dir"
