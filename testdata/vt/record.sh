#!/bin/sh
# Records the terminal output of real programs at 80x24 and renews the goldens. Run it from anywhere:
#
#     testdata/vt/record.sh
#
# Each NAME.capture holds the bytes a program wrote to its terminal, taken with tmux pipe-pane. The goldens
# (captures.json, streams.json) hold what tmux shows after it has read the same bytes, in whole and cut at several
# places. They are made by the Go test in consoles/vt with -update.
#
# The files in the repository were made on Debian 12 with tmux 3.3a, vim 9.0.1378, less 590, top (procps-ng 4.0.2),
# htop 3.2.2, bash 5.2.15 and busybox 1.35.0. It needs: apt-get install tmux vim less procps htop busybox
#
# top and htop run in a process namespace of their own (root is needed for that), so that they show nothing of the
# machine but themselves.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'tmux -L vtrecord kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
home=$HOME
export LC_ALL=C.UTF-8 HOME="$work"
cd "$work"

seq 1 60 | while read -r i; do
    printf 'line %d: the quick brown fox jumps over the lazy dog, größer, 漢字 and e\314\201\n' "$i"
done >text
cat >prog.c <<'END'
/* A comment, then code. */
#include <stdio.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%d: %s\n", i, argv[i]); /* a tab before */
	return 0;
}
END
printf 'set -s exit-empty off\nset -g status off\nset -g default-terminal xterm-256color\n' >conf

t() { tmux -u -L vtrecord -f conf "$@"; }

# start NAME TERM COMMAND: the command waits until the recording runs.
start() {
    name=$1
    t new-session -d -s rec -x 80 -y 24 "stty -echo; read go; stty echo; TERM=$2 exec $3"
    t pipe-pane -t rec "cat >'$here/$name.capture'"
    t send-keys -t rec Enter
}

# keys KEY...: as in tmux send-keys.
keys() { t send-keys -t rec "$@"; }

# shown TEXT: wait until the screen shows it.
shown() {
    tries=0
    until t capture-pane -p -t rec | grep -q -e "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "$name: no '$1' on the screen" >&2; exit 1; }
        sleep 0.1
    done
}

# finish: wait until the program has ended.
finish() {
    tries=0
    while t has-session -t rec 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "$name does not end" >&2; exit 1; }
        sleep 0.1
    done
}

start vim xterm-256color 'vim --clean -N prog.c'
shown 'return 0'
keys ':syntax on | set number hlsearch mouse=a' Enter; shown '  1 '
keys 'Go// größer 漢字 e' Escape; shown '漢字'
keys 'ggO/* first */' Escape; shown 'first'
keys ':split text' Enter; shown 'line 3'
keys '5jdd2p3u' 'G'; shown 'line 60'
keys '10k' 'zt' C-e C-e C-y C-y; shown 'line 5[0-9]'
keys '/quick' Enter; shown 'quick'
keys 'x4ix' Escape 'u'; shown 'quick'
keys ':vsplit' Enter; shown '|line\||'
keys C-w 'w' 'gg'; shown 'line 1:'
keys ':qa!' Enter; finish

start vi-vt220 vt220 'vim -u NONE -C text'
shown 'line 22'
keys C-f; shown 'line 40'
keys C-b 'dd' 'O' 'a new line' Escape; shown 'a new line'
keys '10ix' Escape 'yy5p' 'G'; shown 'line 60'
keys ':q!' Enter; finish

start busybox-vi linux 'busybox vi prog.c'
shown 'return 0'
keys 'o' 'int x = 1'; shown 'int x'
keys Escape; shown '^- prog.c'
keys 'yyp' 'kdd' '/argv' Enter 'n' 'cw' 'ARG'; shown 'ARG'
keys Escape; shown '^- prog.c'
keys ':q!' Enter; finish

start less xterm-256color 'less text'
shown 'line 11'
keys ' '; shown 'line 46'
keys '/fox' Enter; shown 'fox'
keys 'b' 'j' 'j' 'k' 'G'; shown 'line 60'
keys - S; shown 'Chop'
keys Enter 'g'; shown 'line 1:'
keys Right 'q'; finish

start less-vt220 vt220 'less -X text'
shown 'line 11'
keys 'jjjj' 'kk' 'd' 'u' '10j' 'G'; shown 'line 60'
keys 'y' 'y' 'y'; shown 'line 35'
keys 'q'; finish

start top xterm-256color 'unshare -pf --mount-proc top -d 0.5'
shown 'PID'
keys 'z' 'x' '1'; shown 'PID'
keys 'c' 'V' 't' 'm'; shown 'COMMAND'
keys 'h'; shown 'Help'
keys 'q'; shown 'TIME+'
keys 'q'; finish

start top-linux linux 'unshare -pf --mount-proc top -d 0.5'
shown 'PID'
keys '1'; shown 'PID'
keys 'q'; finish

start htop xterm-256color 'unshare -pf --mount-proc sh -c "for i in \$(seq 40); do sleep 99 & done; htop -d 5; kill 0"'
shown 'F10Quit\|F10'
keys Down Down Down PageDown; shown 'sleep'
keys F2; shown 'Setup'
keys Down Down Right Down; shown 'Setup\|Display'
keys F10; shown 'sleep'
keys F5; shown 'sleep'
keys q; finish

start bash xterm-256color "env 'PS1=guest> ' bash --norc --noprofile -i"
shown 'guest'
keys 'echo a long command line that does not fit into the eighty columns of this terminal, and then some more' Enter
shown 'some more$'
keys 'echo one two three four' C-a M-f M-f C-k Enter; shown 'one'
keys 'ls' ' p' Tab; shown 'prog.c'
keys Enter; shown 'prog.c'
keys Up C-a 'echo ' C-e BSpace BSpace Enter; shown 'ls prog'
keys 'cat text | head -30; printf "50%%\r100%%\n"' Enter; shown '100%'
keys 'grep --color=always -n fox text | tail -3' Enter; shown 'guest'
keys C-l 'clear; exit' Enter; finish

cd "$here/../.."
HOME="$home" CONBROKER_REQUIRE_TMUX=1 go test ./consoles/vt -run Tmux -count=1 -update
