conf=$1
exec </dev/null
section node
uname -n
section name
hostname -f 2>/dev/null
section arch
uname -m
section uuid
cat /sys/class/dmi/id/product_uuid 2>/dev/null || ioreg -rd1 -c IOPlatformExpertDevice 2>/dev/null |
	sed -n 's/.*"IOPlatformUUID" = "\(.*\)".*/\1/p'
for dir in /sys/class/net/*; do
	[ -r "$dir/address" ] || continue
	section link
	printf '%s\n' "${dir##*/}"
	cat "$dir/address"
	if [ -e "$dir/device" ]; then echo device; else echo virtual; fi
done
section addresses
ip -o -4 addr show 2>/dev/null
section ifconfig
if [ ! -d /sys/class/net ]; then ifconfig -a 2>/dev/null; fi
if [ -f "$conf" ]; then
	if [ -r "$conf" ]; then section conf; else section locked; fi
	head -c 65536 "$conf" 2>/dev/null
fi
