#!/usr/bin/env bash
# Makes docs/demo.svg from a real run: records "make demo" in a host console of conbroker itself, and draws the recording with
# svg-term-cli 2.1.1 from npm.
set -euo pipefail

cd "$(dirname "$0")/../.."
conbroker=$PWD/.bin/conbroker
work=$(mktemp -d)
export CONBROKER_RUNTIME_DIR=$work/run XDG_STATE_HOME=$work/state SHELL=/bin/sh PS1='$ ' ENV=
printf '[consoles]\nrecord = "on"\n' >"$work/config.toml"
trap 'pkill -f "daemon --config $work" || true; rm -rf "$work"' EXIT

call() { "$conbroker" --config "$work/config.toml" call "$@"; }
console=$(call console/open '{"kind": "host", "size": {"cols": 112, "rows": 30}}' | jq -r .console)
type_line() { call console/input "$(jq -n --arg c "$console" --arg d "$1" '{console: $c, data: ($d + "\r")}')" | jq .offset; }
expect() { call console/expect "$(jq -n --arg c "$console" --arg p "$1" --argjson f "$2" '{console: $c, pattern: $p, from: $f, timeout: 300}')" >/dev/null; }

from=$(type_line "cd '$PWD' && PATH='$PATH' && PS1='\$ ' && clear")
expect '\$ $' "$from"
from=$(type_line 'make -s demo')
expect 'nothing of it is left running\s+\$ $' "$from"
call console/close "$(jq -n --arg c "$console" '{console: $c}')" >/dev/null

cast=$(echo "$work"/state/conbroker/recordings/*.cast)
# What came before the command line is not part of the picture, and so are its first pauses.
jq -c 'if type == "array" and (.[2] | test("make -s demo")) then .[0] = 0.2 else . end' "$cast" >"$work/demo.cast"
npx --yes svg-term-cli@2.1.1 --in "$work/demo.cast" --out docs/demo.svg --at "$(jq -s 'last | .[0] * 1000 | floor' "$cast")" --no-cursor --window
echo docs/demo.svg
