exec 3<&0 </dev/null
{ IFS= read -r word <&3 || kill $$; } >/dev/null 2>&1 &
exec 3<&-
exec "$@"
