# The lab as a service: which backend manages it, and start, stop, restart. The backends
# differ in what starts ~/.config/remote-lab/<slug>/lab, and starts it again when it ends;
# the lab is the same. Each is a file in backends/, with these functions, named after it:
#   NAME_ready   what it needs is there; else `fail`, with the lab as it is
#   NAME_start   start the lab, and at every boot if it can
#   NAME_stop    stop the lab
#   NAME_leave   stop the lab, and start it no more, at no boot either
#   NAME_fits    for those that `auto` tries: whether it can manage the lab here
# Needs: state.sh, service, and restart (yes: even with kernels running).

account=${LOGNAME:-$(id -un)}

backend_do() { # NAME FUNCTION: call a backend's function
    case $1 in
    *-*) "${1%%-*}_${1#*-}_$2" ;;
    *) "$1_$2" ;;
    esac
}

backend_read() { # NAME: set the variable NAME to the backend that manages the lab
    read -r "$1" 2>/dev/null <"$state/service"
}

backend_pick() { # sets backend, by the answer or from what there is; former is the last
    former=''
    backend_read former
    backend=$service
    [ "$backend" = auto ] || return 0
    for backend in systemd-user tmux process; do # the best first
        ! backend_do "$backend" fits || return 0
    done
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

backend_start() {
    [ -e "$HOME/.config/$base/lab" ] || fail 1 nohome
    [ -x "$HOME/.config/$base/lab" ] || fail 1 noexec
    backend_pick
    # Whatever the answer is by now: only the user's command restarts a lab.
    [ -z "$former" ] || ! lab_pid || backend=$former
    backend_do "$backend" ready
    # Of two backends, each would start the lab.
    [ -z "$former" ] || [ "$former" = "$backend" ] || backend_leave
    backend_do "$backend" start || fail 1 nostart "$backend"
    echo "$backend" >"$state/service"
}

backend_stop() {
    ! backend_read manages || backend_do "$manages" stop
}

backend_leave() { # the lab stops, and nothing starts it any more
    ! backend_read manages || backend_do "$manages" leave
    # A start that was cut off may have enabled the unit, and not noted the backend.
    systemd_user_disable
    rm -f "$state/service"
}

lab_status() { # BACKEND STATE PROCESSES, and whether a restart is owed
    backend_read backend || backend=none
    kernels
    if [ -n "$server" ]; then running=running; else running=stopped; fi
    say lab "$backend" "$running" "$count"
    [ "$count" -eq 0 ] || say inside "$count" "$kernels"
    [ ! -e "$current/pending/lab" ] || say owed
}

supervised() { # whether a supervise runs: after a crash, it starts the lab in a while
    supervisor=$(cat "$state/supervise.pid" 2>/dev/null) &&
        grep -q "/$slug/supervise" "/proc/$supervisor/cmdline" 2>/dev/null
}

supervised_stop() { # stop the lab, and the supervise that started it
    if supervisor=$(cat "$state/supervise.pid" 2>/dev/null); then
        # It stops the lab first, and then deletes its own note.
        kill "$supervisor" 2>/dev/null || rm -f "$state/supervise.pid"
        while [ -e "$state/supervise.pid" ] && kill -0 "$supervisor" 2>/dev/null; do
            sleep 0.1
        done
    fi
    # Where it was killed itself, the lab runs on alone.
    ! lab_pid || kill "$server"
    tries=0
    while lab_pid && [ $tries -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
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
    backend_do "$backend" ready
    backend_stop
    backend_start
    rm -f "$current/pending/lab"
}
