max=$1 deep=$2 roots=$3
shift 3
exec </dev/null
export root max

dirs='for d; do
	if [ ! -r "$d" ] || [ ! -x "$d" ]; then
		printf "%spath\n%s%sproblem\npermission" "$mark" "$root${d#.}" "$mark"
	fi
done'
files='for f; do
	if [ -e "$f" ] && [ ! -f "$f" ]; then continue; fi
	printf "%spath\n%s" "$mark" "$root${f#.}"
	if [ ! -e "$f" ]; then
		printf "%sproblem\nmissing" "$mark"
	elif [ ! -r "$f" ]; then
		printf "%sproblem\npermission" "$mark"
	else
		printf "%sdata\n" "$mark"
		head -c "$((max + 1))" "$f" 2>/dev/null || printf "%sproblem\nread" "$mark"
	fi
done'

# scan ROOT SKIP [OTHER-ROOT...] EXPRESSION...
scan() {
	root=$1 skip=$2
	shift 2
	shift "$skip"
	case $root in
	'~') root=$HOME ;;
	'~/'*) root=$HOME/${root#??} ;;
	/*) ;;
	*) root=$HOME/$root ;;
	esac
	[ "$root" != / ] || root=
	if [ -f "$root" ]; then
		file=$root root=
		sh -c "$files" sh "$file"
	elif [ -d "$root/" ]; then
		if cd "$root/" 2>/dev/null; then
			find . ! -name . -type d \( -name '.*' -o -path "$deep" \) -prune \
				-o -type d -exec sh -c "$dirs" sh {} + \
				-o \( -type f -o -type l \) "$@" -exec sh -c "$files" sh {} + 2>/dev/null
		else
			section path
			printf %s "${root:-/}"
			section problem
			printf permission
		fi
	elif [ -e "$root" ]; then
		section path
		printf %s "$root"
		section problem
		printf kind
	fi
	return 0
}

while [ "$roots" -gt 0 ]; do
	next=$1
	shift
	roots=$((roots - 1))
	(scan "$next" "$roots" "$@")
done
