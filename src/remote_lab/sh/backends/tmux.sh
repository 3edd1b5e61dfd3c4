# The lab in a window of the project's own tmux server; ~/.config/remote-lab/<slug>/supervise
# starts it again when it ends. Needs: lab.sh.

tmux_has_room() { # whether it can make its socket; tmux exits with 0 where it can't
    room=${TMUX_TMPDIR:-/tmp}
    [ -w "$room" ] || return
    # There, another account may have taken the name before tmux did.
    room=$room/tmux-$(id -u)
    { [ ! -e "$room" ] && [ ! -h "$room" ]; } || own_folder "$room"
}

tmux_fits() {
    command -v tmux >/dev/null || return
    tmux_has_room && return
    # Reported once, when process takes its place.
    [ "$former" = process ] || say tmuxless "$room"
    return 1
}

tmux_ready() {
    command -v tmux >/dev/null || fail 1 notmux
    tmux_has_room || fail 1 noroom "$room"
}

tmux_start() {
    lab_pid || supervised || tmux -L "$slug" -f "$HOME/.config/$base/tmux.conf" \
        new-session -d -s lab "exec \"\$HOME\"/.config/$base/supervise"
}

tmux_stop() { supervised_stop; }

tmux_leave() { supervised_stop; }
