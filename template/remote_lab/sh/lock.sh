# Begin and end of a program that was delivered: one at a time, and nothing left behind.
# The lock is a symlink that names its owner: made in one step, with its content, on
# every file system, NFS among them.
# Needs: state.sh, id, work (the folder it was unpacked in), mode.

started() { # PID: when it began, in ticks since boot; with the pid, a process's name
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    # The command's name, in brackets, may hold spaces: fields count from behind it.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    printf '%s\n' "${20}"
}

me() { # our own name as an owner
    read -r boot </proc/sys/kernel/random/boot_id
    printf '%s:%s:%s:%s:%s\n' "$(uname -n)" "$boot" "$$" "$(started $$)" "$id"
}

alive() { # OWNER: false only if that process is known to be gone
    host=${1%%:*} rest=${1#*:}
    boot=${rest%%:*} rest=${rest#*:}
    pid=${rest%%:*} rest=${rest#*:}
    [ "$host" = "$(uname -n)" ] || return 0 # another machine on this home
    read -r now </proc/sys/kernel/random/boot_id
    [ "$boot" = "$now" ] && [ "$(started "$pid")" = "${rest%%:*}" ]
}

lock() { # take it, or say who has it
    owner=$(me)
    if ln -s "$owner" "$state/lock" 2>/dev/null; then return; fi
    if ! holder=$(readlink "$state/lock"); then # just let go, or nothing can be made
        ln -s "$owner" "$state/lock" 2>/dev/null || fail 1 nowrite "$state"
        return
    fi
    alive "$holder" && fail 1 locked "$holder"
    # The holder is dead, and so is, perhaps, who tried to follow it. Who makes the
    # claim named after the last dead one, alone may replace the lock.
    victim=$holder
    while ! ln -s "$owner" "$state/claim.${victim##*:}" 2>/dev/null; do
        victim=$(readlink "$state/claim.${victim##*:}") || fail 1 locked "$holder"
        alive "$victim" && fail 1 locked "$victim"
    done
    if [ "$(readlink "$state/lock")" != "$holder" ]; then
        rm -f "$state/claim.${victim##*:}"
        fail 1 locked "$(readlink "$state/lock")"
    fi
    ln -s "$owner" "$state/lock.$id"
    mv -f "$state/lock.$id" "$state/lock"
    rm -f "$state"/claim.*
}

unlock() {
    [ "$(readlink "$state/lock" 2>/dev/null)" != "$owner" ] || rm -f "$state/lock"
}

begin() { # take the lock, clear up behind the dead, and see to our own end
    [ "$mode" != dry ] || { trap 'rm -rf "$work"' EXIT; return 0; }
    owner=''
    trap 'rm -rf "$work"; unlock' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    lock
    sweep
}

sweep() { # what dead pushes left
    for left in "$state"/in.*; do
        name=${left##*/in.} # HOST.PID.ID
        name=${name%.*}
        [ "${name%.*}" != "$(uname -n)" ] || kill -0 "${name##*.}" 2>/dev/null ||
            rm -rf "$left"
    done
    rm -rf "$state"/generations/*.part "$state"/current.* "$state"/lock.*
    rm -f "$HOME"/.bashrc."$slug".*
}
