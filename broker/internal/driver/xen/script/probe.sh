exec </dev/null
section xl
command -v xl
section capabilities
cat /proc/xen/capabilities 2>/dev/null
section version
cat /sys/hypervisor/version/major /sys/hypervisor/version/minor 2>/dev/null
cat /sys/hypervisor/version/extra 2>/dev/null
true
