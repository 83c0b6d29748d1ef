exec </dev/null
for path; do
	if [ -d "$path" ] && [ ! -L "$path" ]; then
		section kind
		printf %s "$path"
	elif rm -f "$path" 2>/dev/null; then
		:
	else
		section failed
		printf %s "$path"
	fi
done
