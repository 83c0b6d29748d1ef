file=$1/serial.lock
exec </dev/null
[ "$(cat "$file" 2>/dev/null)" != "$2" ] || rm -f "$file"
