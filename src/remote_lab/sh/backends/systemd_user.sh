# The lab as a unit of the account's own systemd, enabled for every boot by lingering.
# Needs: lab.sh, places.sh.

unit=jupyter-$slug.service
wants=.config/systemd/user/default.target.wants
linger=/var/lib/systemd/linger/$account
# Says that one of our projects enabled lingering: the last one removed disables it.
lingers=${state%/*}/.lingering

userctl() { # systemctl --user; sudo, cron and some sshd's strip what it needs
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}

user_manager() { # whether this account has a systemd that answers
    case $(userctl is-system-running 2>/dev/null) in
    running | degraded | starting | initializing | maintenance) return 0 ;;
    *) return 1 ;;
    esac
}

lingering() { # whether that systemd runs on with nobody logged in
    [ -e "$linger" ] && return
    loginctl enable-linger >/dev/null 2>&1 </dev/null
    [ -e "$linger" ] || return
    echo 'A push enabled lingering for this account.' >"$lingers"
}

systemd_user_fits() {
    user_manager || return
    lingering && return
    # Reported once, at the first choice: systemd would do, if it ran on after logout.
    [ -n "$former" ] || say nolinger "$account"
    return 1
}

systemd_user_ready() { user_manager || fail 1 nosystemd; }

systemd_user_start() {
    lingering || say nolinger "$account"
    # By hand: `systemctl enable` would resolve our link, and write the path of a
    # generation there, which is gone once that generation is deleted.
    if [ ! -h "$HOME/$wants/$unit" ]; then
        folder_in "$wants" && ln -s "../$unit" "$HOME/$wants/$unit" &&
            userctl daemon-reload
    fi
    userctl start "$unit"
}

systemd_user_stop() { userctl stop "$unit"; }

systemd_user_leave() {
    systemd_user_stop
    systemd_user_disable
}

systemd_user_disable() { rm -f "$HOME/$wants/$unit"; }
