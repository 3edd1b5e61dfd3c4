# What a remote has and lacks. Needs: state.sh, places.sh, lab.sh; for needs: programs.

machine() { # the disk of the code and memory in KiB, load, GPUs
    place=$code
    while [ ! -e "$place" ]; do place=${place%/*}; done
    say disk "$(df -Pk "${place:-/}" | awk 'NR == 2 { print $4 "\t" $2 }')"
    say memory "$(awk '/^MemAvailable:/ { a = $2 } /^MemTotal:/ { t = $2 }
        END { print a "\t" t }' /proc/meminfo)"
    read -r load _ </proc/loadavg
    say load "$load" "$(nproc)"
    nvidia-smi --query-gpu=name,utilization.gpu,memory.used,memory.total \
        --format=csv,noheader 2>/dev/null | while IFS= read -r gpu; do say gpu "$gpu"; done
}

needs() { # each need of ours, and whether it is met
    missing=''
    for need in $programs; do
        command -v "$need" >/dev/null || missing="$missing $need"
    done
    say missing "$missing"
    say shell "$SHELL"
    for need in git tmux; do
        if command -v "$need" >/dev/null; then say need "$need" yes; else say need "$need" no; fi
    done
    if user_manager; then say need systemd yes; else say need systemd no; fi
    if [ -e "/var/lib/systemd/linger/$(id -un)" ]; then
        say need linger yes "$(id -un)"
    else
        say need linger no "$(id -un)"
    fi
    if [ -x "$code/.venv/bin/python" ]; then say need environment yes; else say need environment no; fi
    if [ -e "$current/id" ]; then say need home yes; else say need home no; fi
}
