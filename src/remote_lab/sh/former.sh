# The first release kept a project's notes under its bare name, where a program of that
# name may keep its own. What is ours there moves to the folders that state.sh names.
# Copied whole before the switch is turned, and deleted behind it: wherever this is cut,
# the home sees the same files, and the next push goes on.
# Needs: state.sh, lock.sh, lab.sh, mode.

former=$HOME/.local/state/$slug

former_in() { # call it behind `begin`
    [ -f "$former/links" ] && former_ours || return 0
    if [ "$mode" = dry ]; then
        [ -h "$current" ] || [ ! -h "$former/current" ] || current=$former/current
        return
    fi
    former_lock
    if [ ! -h "$current" ] && [ -h "$former/current" ]; then
        former_copy || fail 1 nowrite "$state"
    fi
    [ ! -h "$current" ] || former_links || fail 1 nowrite "$HOME"
    former_out || fail 1 nowrite "$former"
}

former_ours() { # whether that note is the first release's
    while IFS= read -r place; do
        [ "$place" != ".config/$slug" ] || return 0
    done <"$former/links"
    return 1
}

former_lock() { # a push of the first release may be under way
    until ln -s "$owner" "$former/lock" 2>/dev/null; do
        holder=$(readlink "$former/lock") || fail 1 nowrite "$former"
        [ "$holder" != "$owner" ] || return 0
        alive "$holder" && fail 1 locked "$holder"
        rm -f "$former/lock" || fail 1 nowrite "$former"
    done
}

former_copy() { # the generation in use, and the notes; undo stops here
    used=$(readlink "$former/current") && mkdir -p "$state/generations" || return
    for note in links folders service token cookie-secret lab.addr supervise.pid \
        bashrc-made unended env.unfinished; do
        [ ! -e "$former/$note" ] || cp -p "$former/$note" "$state/$note" || return
    done
    cp -pPR "$former/$used" "$state/generations/" && rm -f "$state/$used/previous" &&
        settle "$state" && ln -s "$used" "$state/current.$id" &&
        mv -fT "$state/current.$id" "$current"
}

former_links() { # each place leads on to the same file, by way of the new switch
    while IFS= read -r place; do
        at=$HOME/$place
        [ -h "$at" ] && [ "$(readlink "$at")" = "$former/current/home/$place" ] || continue
        ln -s "$current/home/$place" "$at.$id" && mv -fT "$at.$id" "$at" || return
    done <"$former/links"
    former_bashrc
}

former_bashrc() { # the block in ~/.bashrc, where it is, with the new place
    line="[ ! -r ~/.config/$slug/bashrc ] || . ~/.config/$slug/bashrc"
    grep -qxF "$line" "$HOME/.bashrc" 2>/dev/null || return 0
    bashrc=$(readlink -f "$HOME/.bashrc") && beside=$HOME/.bashrc.$slug.$id &&
        cp -p "$bashrc" "$beside" &&
        sed "/^\[ ! -r ~.\.config.$slug.bashrc \] || /s,\.config/$slug/,.config/$base/,g" \
            "$bashrc" >"$beside" && settle "$beside" && mv -f "$beside" "$bashrc"
}

former_out() { # what others keep under that name stays
    for pair in share:bin/uv share:jupyter cache:wheels cache:uv; do
        case $pair in share:*) place=.local/share ;; *) place=.cache ;; esac
        from=$HOME/$place/$slug/${pair#*:} to=$HOME/$place/$base/${pair#*:}
        [ -e "$from" ] && [ ! -e "$to" ] || continue
        mkdir -p "${to%/*}" && mv "$from" "$to" || return
    done
    rmdir "$HOME/.local/share/$slug/bin" "$HOME/.local/share/$slug" \
        "$HOME/.cache/$slug" 2>/dev/null
    for log in lab.log lab.log.1; do
        [ ! -e "$former/$log" ] || mv "$former/$log" "$state/$log" || return
    done
    rm -rf "$former"/lab.addr* "$former"/token* "$former"/claim.* "$former"/in.* \
        "$former"/lock.* "$former/current" "$former/bashrc-made" "$former/cookie-secret" \
        "$former/env.unfinished" "$former/folders" "$former/service" \
        "$former/supervise.pid" "$former/unended" || return
    # The sockets of a lab that runs are not to be taken from it.
    if [ -d "$former/run" ] && lab_pid; then
        away "$former/lock"
        return
    fi
    # The note of links goes last: as long as it is there, this can be had again.
    rm -rf "$former/run" && away "$former/generations" && rm -f "$former/lock" &&
        rm -f "$former/links" || return
    rmdir "$former" 2>/dev/null || :
}
