# Ends a suspend: waits until the process that writes the state is done with PART, at most ROUNDS times 50 ms. If it has left
# DONE, that becomes STATE, and SAVED says so in two lines, the path and RECORD. Otherwise, or if STATE is empty, what was
# written is removed and what the writer said is printed.
part=$1 done=$2 state=$3 saved=$4 record=$5 said=$6 rounds=$7
exec </dev/null
umask 077
while [ -e "$part" ] && [ "$rounds" -gt 0 ]; do
	rounds=$((rounds - 1))
	sleep 0.05 2>/dev/null || sleep 1
done
if [ -n "$state" ] && [ -e "$done" ] && mkdir -p "${saved%/*}" && printf '%s\n%s\n' "$state" "$record" >"$saved.new" &&
	mv -f "$done" "$state" && mv -f "$saved.new" "$saved"; then
	section committed
else
	section said
	cat "$said" 2>/dev/null
	rm -f "$part" "$done" "$saved.new"
fi
