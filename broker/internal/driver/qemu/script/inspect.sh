binary=$1 run=$2 key=$3 saved=$4
shift 4
exec </dev/null
for dir in "$run/$key"-*/; do
	if [ -n "$key" ] && pid=$(pidof_run "${dir%/}"); then
		section running
		printf %s "$pid"
	fi
done
if [ -f "$saved" ]; then
	section saved
	cat "$saved"
fi
if exe=$(command -v "$binary"); then
	section exec
	printf %s "$exe"
	section version
	"$exe" --version | head -n 1
	"$exe" --help | grep -q '^-sandbox ' && section sandbox
fi
section kvm
if [ ! -e /dev/kvm ]; then
	printf missing
elif [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	printf usable
else
	printf forbidden
fi
for file; do
	section file
	if [ -d "$file" ]; then
		printf directory
	elif [ ! -e "$file" ]; then
		printf missing
	elif [ ! -r "$file" ]; then
		printf forbidden
	else
		printf good
	fi
done
