IFS= read -r mark || exit 64
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export mark LC_ALL PATH
section() { printf '%s%s\n' "$mark" "$1"; }
