# The lab as a service: which backend runs it, and start, stop, restart. The backends
# differ in who starts ~/.config/remote-lab/<slug>/lab and minds it; the lab is the same.
# Needs: state.sh, service, and restart (yes: even with kernels running).

account=${LOGNAME:-$(id -un)}
unit=jupyter-$slug.service
wants=.config/systemd/user/default.target.wants
user_unit=jupyter-$slug@$account.service
system=$HOME/.config/$base/system

userctl() { # systemctl --user; sudo, cron and some sshd's strip what it needs
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}

user_manager() { # whether this account has a systemd that answers
    case $(userctl is-system-running 2>/dev/null) in
    running | degraded | starting | initializing | maintenance) return 0 ;;
    *) return 1 ;;
    esac
}

linger=/var/lib/systemd/linger/$account
# That one of our projects has enabled it: the last that is removed disables it again.
lingers=${state%/*}/.lingering

lingering() { # whether that systemd lives on, with nobody logged in
    [ -e "$linger" ] && return
    loginctl enable-linger >/dev/null 2>&1 </dev/null
    [ -e "$linger" ] || return
    echo 'A push enabled lingering for this account.' >"$lingers"
}

backend_pick() { # sets backend, by the answer or from what there is; former is the last
    former=$(cat "$state/service" 2>/dev/null)
    backend=$service
    [ "$backend" = auto ] || return 0
    if user_manager && lingering; then
        backend=systemd-user
        return
    fi
    # Once, when it is decided: systemd would do, if only it lived on.
    [ -n "$former" ] || ! user_manager || say nolinger "$account"
    backend=process
    command -v tmux >/dev/null || return 0
    if tmux_has_room; then
        backend=tmux
    elif [ "$former" != process ]; then # once, as above
        say tmuxless "$room"
    fi
}

tmux_has_room() { # whether it can make its socket; where it can't, it says 0 all the same
    room=${TMUX_TMPDIR:-/tmp}
    [ -w "$room" ] || return
    # There, another account may have taken the name before tmux did.
    room=$room/tmux-$(id -u)
    { [ ! -e "$room" ] && [ ! -h "$room" ]; } || own_folder "$room"
}

own_folder() { # FOLDER: whether it is this account's, and no link to one
    [ -n "$(find "$1" -prune -type d -user "$(id -u)" 2>/dev/null)" ]
}

lab_pid() { # sets server, the lab's pid, if it runs
    server=''
    [ -e "$state/lab.addr" ] || return
    while IFS='=' read -r key value; do
        [ "$key" != pid ] || server=$value
    done <"$state/lab.addr"
    # After a reboot, the number may be another's: it must be this project's launcher,
    # or the python that this becomes.
    [ -n "$server" ] && grep -qF -e "$code/.venv/bin/python" -e "/.config/$base/lab" \
        "/proc/$server/cmdline" 2>/dev/null || { server='' && return 1; }
}

kernels() { # sets count, the processes of the lab, and kernels, how many are kernels
    count=0 kernels=0
    lab_pid || return 0
    # Some kernels of Linux do not report them: then there is one, for all that we know.
    [ -r "/proc/$server/task/$server/children" ] || { count=1 kernels='?' && return; }
    # shellcheck disable=SC2046
    set -- $(cat "/proc/$server/task"/*/children 2>/dev/null)
    count=$#
    for child; do # each kernel is given its connection file; the others are terminals
        ! grep -q 'kernel-[^/]*\.json' "/proc/$child/cmdline" 2>/dev/null ||
            kernels=$((kernels + 1))
    done
}

lab_idle() { # nothing runs in it, or the user wants that to end; else end here
    kernels
    [ "$restart" = yes ] || [ "$count" -eq 0 ] || fail 1 busy "$count" "$kernels"
}

backend_ready() { # what it needs is there; else end here, with the lab as it is
    case $backend in
    systemd-user) user_manager || fail 1 nosystemd ;;
    systemd-system)
        system_unit_is_in || sudo -n -l sh "$system/enable" "$account" >/dev/null 2>&1 ||
            fail 1 nosudo sh ".config/$base/system/enable" "$account"
        ;;
    tmux)
        command -v tmux >/dev/null || fail 1 notmux
        tmux_has_room || fail 1 noroom "$room"
        ;;
    esac
}

system_unit_is_in() {
    cmp -s "$system/jupyter-$slug@.service" "/etc/systemd/system/jupyter-$slug@.service" &&
        systemctl -q is-enabled "$user_unit" 2>/dev/null
}

backend_start() {
    [ -e "$HOME/.config/$base/lab" ] || fail 1 nohome
    [ -x "$HOME/.config/$base/lab" ] || fail 1 noexec
    backend_pick
    # Whatever else the answer says by now: a restart is the user's word.
    [ -z "$former" ] || ! lab_pid || backend=$former
    backend_ready
    # Of two backends, each would start the lab.
    [ -z "$former" ] || [ "$former" = "$backend" ] || backend_leave
    case $backend in
    systemd-user)
        lingering || say nolinger "$account"
        # By hand: `systemctl enable` would resolve our link, and put the path of a
        # generation there, which dies when that generation goes.
        if [ ! -h "$HOME/$wants/$unit" ]; then
            folder_in "$wants" && ln -s "../$unit" "$HOME/$wants/$unit" &&
                userctl daemon-reload
        fi
        userctl start "$unit"
        ;;
    systemd-system)
        system_unit_is_in || sudo -n sh "$system/enable" "$account" 2>/dev/null ||
            fail 1 nosudo sh ".config/$base/system/enable" "$account"
        systemctl -q is-active "$user_unit" ||
            sudo -n systemctl start "$user_unit" 2>/dev/null ||
            fail 1 nosudo systemctl start "$user_unit"
        ;;
    tmux)
        lab_pid || minded || tmux -L "$slug" -f "$HOME/.config/$base/tmux.conf" \
            new-session -d -s lab "exec \"\$HOME\"/.config/$base/supervise"
        ;;
    process)
        lab_pid || minded ||
            nohup "$HOME/.config/$base/supervise" </dev/null >/dev/null 2>&1 &
        ;;
    esac || fail 1 nostart "$backend"
    echo "$backend" >"$state/service"
}

backend_stop() {
    case $(cat "$state/service" 2>/dev/null) in
    systemd-user) userctl stop "$unit" ;;
    systemd-system)
        sudo -n systemctl stop "$user_unit" 2>/dev/null ||
            fail 1 nosudo systemctl stop "$user_unit"
        ;;
    tmux | process)
        if minder=$(cat "$state/supervise.pid" 2>/dev/null); then
            # It takes the lab down with it, and then its own note away.
            kill "$minder" 2>/dev/null || rm -f "$state/supervise.pid"
            while [ -e "$state/supervise.pid" ] && kill -0 "$minder" 2>/dev/null; do
                sleep 0.1
            done
        fi
        # Where it was killed itself, the lab goes on alone.
        ! lab_pid || kill "$server"
        tries=0
        while lab_pid && [ $tries -lt 100 ]; do
            tries=$((tries + 1))
            sleep 0.1
        done
        ;;
    esac
}

backend_leave() { # the lab stops, and what ran it starts it no more, at no boot either
    if [ "$(cat "$state/service" 2>/dev/null)" = systemd-system ]; then
        sudo -n sh "$system/disable" "$account" 2>/dev/null ||
            fail 1 nosudo sh ".config/$base/system/disable" "$account"
    else
        backend_stop
    fi
    rm -f "$HOME/$wants/$unit" "$state/service"
}

lab_status() { # BACKEND STATE PROCESSES, and whether a restart is owed
    read -r backend 2>/dev/null <"$state/service" || backend=none
    kernels
    if [ -n "$server" ]; then running=running; else running=stopped; fi
    say lab "$backend" "$running" "$count"
    [ "$count" -eq 0 ] || say inside "$count" "$kernels"
    [ ! -e "$current/pending/lab" ] || say owed
}

minded() { # whether a supervise lives: after a crash, it starts the lab in a while
    minder=$(cat "$state/supervise.pid" 2>/dev/null) &&
        grep -q "/$slug/supervise" "/proc/$minder/cmdline" 2>/dev/null
}

follow_up() { # what a change calls for, now or when the last push was cut off
    [ ! -e "$current/pending/reload" ] || {
        ! user_manager || userctl daemon-reload
        rm -f "$current/pending/reload"
    }
    [ ! -e "$current/pending/tmux" ] || {
        tmux -L "$slug" source-file "$HOME/.config/$base/tmux.conf" >/dev/null 2>&1 &&
            say reloaded tmux
        rm -f "$current/pending/tmux"
    }
    [ -e "$current/pending/lab" ] || return 0
    if ! lab_pid; then
        rm -f "$current/pending/lab" # it begins with the new files anyhow
    elif kernels && { [ "$restart" = yes ] || [ "$count" -eq 0 ]; }; then
        lab_restart
        say restarted lab
    else
        say staged lab "$count" "$kernels"
    fi
}

lab_restart() {
    backend_pick
    backend_ready
    backend_stop
    backend_start
    rm -f "$current/pending/lab"
}
