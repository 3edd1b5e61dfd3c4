# Begin and end of a program that was delivered: one at a time, and nothing left behind.
# The lock is a symlink that names its owner: made in one step, with its content, on
# every file system, NFS among them.
# Needs: state.sh, id, work (the folder it was unpacked in), mode.

read -r host </proc/sys/kernel/hostname
read -r boot </proc/sys/kernel/random/boot_id

started() { # PID, if it runs: sets ticks, its start after boot, its name with the pid
    ticks=''
    read -r stat 2>/dev/null <"/proc/$1/stat" || return
    # The command's name, in brackets, may hold spaces: fields count from behind it.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$1" != Z ] || return # it ended, though its parent has not noticed
    ticks=${20}
}

alive() { # OWNER, as HOST:BOOT:PID:TICKS:ID; false only if it has certainly ended
    whose=${1%%:*} rest=${1#*:}
    since=${rest%%:*} rest=${rest#*:}
    pid=${rest%%:*} rest=${rest#*:}
    [ "$whose" = "$host" ] || return 0 # another machine that shares this home
    [ "$since" = "$boot" ] && started "$pid" && [ "$ticks" = "${rest%%:*}" ]
}

lock() { # take it, or report who has it
    started $$
    owner=$host:$boot:$$:$ticks:$id
    tries=0
    until ln -s "$owner" "$state/lock" 2>/dev/null; do
        if holder=$(readlink "$state/lock"); then
            alive "$holder" && fail 1 locked "$holder"
            take_over
            return
        fi
        # Just let go, or nothing can be made here.
        tries=$((tries + 1))
        [ $tries -lt 50 ] || ln -s "$owner" "$state/lock" || fail 1 nowrite "$state"
    done
    locked=yes
}

take_over() { # the lock of a holder that has ended
    # One that tried to take it over may have ended, too. Only the process that makes the
    # claim named after the last of them may replace the lock.
    victim=$holder
    while ! ln -s "$owner" "$state/claim.${victim##*:}" 2>/dev/null; do
        victim=$(readlink "$state/claim.${victim##*:}") || fail 1 locked "$holder"
        alive "$victim" && fail 1 locked "$victim"
    done
    if [ "$(readlink "$state/lock")" != "$holder" ]; then
        rm -f "$state/claim.${victim##*:}"
        fail 1 locked "$(readlink "$state/lock")"
    fi
    ln -s "$owner" "$state/lock.$id" && mv -f "$state/lock.$id" "$state/lock" ||
        fail 1 nowrite "$state"
    locked=yes
}

begin() { # take the lock, delete what dead pushes left, and clean up at our own end
    locked='' part='' # a generation that is being staged
    only='' others=${state%/*}/.bashrc.lock # see bashrc.sh
    trap 'rm -rf "$work" ${part:+"$part"} ${locked:+"$state/lock"} ${only:+"$only"}' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    [ "$mode" != dry ] || return 0
    lock
    same_project
    [ -s "$state/project" ] || echo "$project" >"$state/project" || fail 1 nowrite "$state"
    sweep
}

in_use() { # the push whose dotfiles are in use
    using=''
    read -r using 2>/dev/null <"$current/id"
    say current "$using"
}

same_push() { # they are those that this push brought, or found: $expected
    using=''
    read -r using 2>/dev/null <"$current/id"
    [ "$using" = "$expected" ] || fail 1 overtaken
}

sweep() { # what dead pushes left
    for left in "$state"/in.*; do
        name=${left##*/in.} # HOST.PID.ID
        name=${name%.*}
        [ "${name%.*}" != "$host" ] || started "${name##*.}" || rm -rf "$left"
    done
    for left in "$state"/generations/*.part "$state"/current.* "$state"/lock.* \
        "$state"/claim.* "$HOME"/.bashrc."$slug".*; do
        [ ! -e "$left" ] && [ ! -h "$left" ] || away "$left"
    done
    others_gone
    # A remove that was cut behind its switch, or a first push before it.
    [ -h "$current" ] || [ ! -e "$state/generations" ] || away "$state/generations"
}

others_gone() { # delete the lock on ~/.bashrc, if its holder has ended
    [ ! -h "$others" ] || ! holder=$(readlink "$others") || alive "$holder" || rm -f "$others"
}

away() { # PATH: delete it, with folders in it that the user has locked
    rm -rf "$1" 2>/dev/null || { [ ! -h "$1" ] && chmod -R u+rwx "$1" && rm -rf "$1"; }
}
