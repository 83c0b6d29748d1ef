#!/bin/bash
# stop.sh [HOST...]: ends hosts of the lab that boot.sh started, or all of them.
set -euo pipefail
export LC_ALL=C

# shellcheck source=qemu.sh
. "$(dirname "${BASH_SOURCE[0]}")/qemu.sh"

runs=${CONBROKER_XENLAB_RUN:-/tmp/conbroker-xenlab-$(id -u)}
(($#)) || set -- lab00 lab01
for host; do
	stop_left "$runs/$host"
	rm -rf "${runs:?}/$host"
done
