# The lab as a plain process, where there is nothing better; ~/.config/remote-lab/<slug>/supervise
# starts it again when it ends. A reboot ends it. Needs: lab.sh.

process_fits() { :; }

process_ready() { :; }

process_start() {
    lab_pid || supervised ||
        nohup "$HOME/.config/$base/supervise" </dev/null >/dev/null 2>&1 &
}

process_stop() { supervised_stop; }

process_leave() { supervised_stop; }
