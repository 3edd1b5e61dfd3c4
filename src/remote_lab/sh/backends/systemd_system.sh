# The lab as a unit of the machine's systemd, which sudo installs. Needs: lab.sh.

user_unit=jupyter-$slug@$account.service
system=$HOME/.config/$base/system

system_unit_is_in() { # whether the unit is installed as it was pushed, and enabled
    cmp -s "$system/jupyter-$slug@.service" "/etc/systemd/system/jupyter-$slug@.service" &&
        systemctl -q is-enabled "$user_unit" 2>/dev/null
}

systemd_system_ready() {
    system_unit_is_in || sudo -n -l sh "$system/enable" "$account" >/dev/null 2>&1 ||
        fail 1 nosudo sh ".config/$base/system/enable" "$account"
}

systemd_system_start() {
    system_unit_is_in || sudo -n sh "$system/enable" "$account" 2>/dev/null ||
        fail 1 nosudo sh ".config/$base/system/enable" "$account"
    systemctl -q is-active "$user_unit" ||
        sudo -n systemctl start "$user_unit" 2>/dev/null ||
        fail 1 nosudo systemctl start "$user_unit"
}

systemd_system_stop() {
    sudo -n systemctl stop "$user_unit" 2>/dev/null ||
        fail 1 nosudo systemctl stop "$user_unit"
}

systemd_system_leave() {
    sudo -n sh "$system/disable" "$account" 2>/dev/null ||
        fail 1 nosudo sh ".config/$base/system/disable" "$account"
}
