# The ways back: undo, to the generation before, and remove, to before the first.
# Needs: all that apply.sh does, and apply.sh.

undo_home() { # back to the generation before this one
    begin
    former_in
    [ -e "$current/id" ] || fail 1 never
    write_through || fail 1 owed "$behind"
    by=''
    read -r by 2>/dev/null <"$current/undo"
    if [ "$by" = "$id" ]; then # the laptop did not receive its result
        back=$(readlink "$current") && read -r left <"$current/left" ||
            fail 1 nowrite "$state"
        say undone
        undo_finish
        return
    fi
    left=$(readlink "$current")
    read -r back 2>/dev/null <"$current/previous" || { kernels && fail 1 first "$count" "$kernels"; }
    [ -e "$state/$back/id" ] || fail 1 pruned "$back"
    pair "$current/manifest" "$state/$back/manifest" &&
        look "$current/home" "$work/here" && look "$state/$back/home" "$work/there" &&
        undo_pending || fail 1 nowrite "$state"
    links_free "$state/$back/links"
    links_noted "$state/$back/links" || fail 1 nowrite "$HOME"
    # So that this undo, if it is repeated, goes back once.
    echo "$id" >"$state/$back/undo" && echo "$left" >"$state/$back/left" &&
        settle "$state" || fail 1 nowrite "$state"
    links_in "$state/$back/links" || fail 1 nowrite "$HOME"
    turn_to "${back#generations/}" || fail 1 nowrite "$state"
    write_through || fail 1 behind "$behind" undo
    undo_finish
}

undo_finish() { # report it, and do what has to follow
    links_out
    settle "$state" "$HOME" || fail 1 unsettled
    say generation "${back#generations/}" "${left#generations/}"
    follow_up
}

undo_pending() { # report what changes, and note what has to follow
    rm -f "$state/$back/pending/through"
    still_owed "$state/$back" || return
    while IFS=$tab read -r path _ _ here _ && IFS=$tab read -r _ _ _ there _ <&3; do
        [ "$here" != "$there" ] || continue
        if [ "$there" = - ]; then say drop "$path"; else say put "$path"; fi
        pending "$state/$back" "$path" || return
    done <"$work/here" 3<"$work/there"
    [ -e "$current/replaced" ] || return 0
    # What is behind the user's links now is kept, as all else of this generation is.
    (cd "$current/replaced" && find . -type f) >"$work/behind" || return
    while IFS= read -r path; do
        [ -e "$current/home/$path" ] || continue # the user deleted it
        say put "${path#./}"
        cp -p "$current/home/$path" "$current/written/$path" || return
    done <"$work/behind"
    echo "$left/replaced" >"$state/$back/pending/through"
}

keep_own() { # a copy of the dotfiles, if the user has changed any
    pair "$current/manifest" "$current/manifest" && look "$current/home" "$work/now" &&
        (cd "$current/home" && find . ! -type d) >"$work/files" || return
    # As many files as were pushed, and the same: then the user changed none.
    pushed=0 changed=no
    while IFS=$tab read -r _ old _ now own; do
        pushed=$((pushed + 1))
        [ "$now" = "$old" ] && [ "$own" = - ] || changed=yes
    done <"$work/now"
    [ "$changed" = yes ] || [ $(($(wc -l <"$work/files"))) -ne $pushed ] || return 0
    cp -pPR "$current/home" "$work/kept"
}

remove_home() { # all of the project except its code
    begin
    former_in
    # Noted by even half a first push; what a remove left behind it may go at once.
    [ -e "$state/links" ] || { notes_away; fail 1 never; }
    lab_idle
    [ ! -e "$current/id" ] || keep_own || fail 1 nowrite "$state"
    if [ -e "$state/folders" ]; then sort -r "$state/folders"; fi >"$work/folders" ||
        fail 1 nowrite "$state"
    bashrc_less || fail 1 nowrite "$HOME"
    backend_leave
    if [ -e "$work/kept" ]; then
        mv "$work/kept" "$HOME/$slug.kept.$id" || fail 1 stopped "$HOME"
        say kept "$slug.kept.$id"
    fi
    # First: a push that finds this note, and no block, would conclude that the user deleted it.
    rm -f "$state/bashrc-block" && settle "$HOME" || fail 1 stopped "$HOME"
    # The one switch, to nowhere: from here on, the home shows nothing of ours.
    rm -f "$current" || fail 1 stopped "$state"
    bashrc_out || { rm -f "$beside"; fail 1 remains .bashrc; }
    sockets_away
    while IFS= read -r place; do
        link_out "$place" || fail 1 remains "$place"
    done <"$state/links"
    while IFS= read -r folder; do
        # One that holds something stays: that is status 1, and no harm.
        rmdir "$HOME/$folder" 2>/dev/null || [ $? -eq 1 ] || fail 1 remains "$folder"
    done <"$work/folders"
    userctl daemon-reload >/dev/null 2>&1
    linger_out
    # The key opens the account, whoever put it there: it stays, and that is reported.
    [ -z "$public_key" ] ||
        ! grep -qsF "$public_key" "$HOME/.ssh/authorized_keys" || say key
    # The notes go last: as long as they are there, remove can be repeated.
    away "$state/generations" && ours_away "$HOME/.local/share/$base" bin jupyter &&
        ours_away "$HOME/.cache/$base" wheels uv && settle "$HOME" && notes_away ||
        fail 1 remains ".local/state/$base"
    say removed
}

linger_out() { # disable it, if one of our projects has enabled it, and none needs it
    [ -e "$lingers" ] || return 0
    if [ -e "$linger" ]; then
        for other in "${state%/*}"/*/links; do
            [ "$other" = "$state/links" ] || [ ! -e "$other" ] || return 0
        done
        for other in "$HOME"/.config/systemd/user/*.wants/*; do # services of the user's
            [ ! -h "$other" ] || { say lingers "$account" && return; }
        done
        loginctl disable-linger >/dev/null 2>&1 </dev/null
        [ ! -e "$linger" ] || { say lingers "$account" && return; }
        say unlingered
    fi
    rm -f "$lingers"
}

sockets_away() { # the folder of the lab's sockets, where it had to be in /tmp
    sockets=$(sed -n 's/^run=//p; s,^socket=\(.*\)/lab\.sock$,\1,p' \
        "$state/lab.addr" 2>/dev/null)
    case $sockets in
    /tmp/remote-lab-*/*) ;;
    /tmp/remote-lab-*) ! own_folder "$sockets" || rm -rf "$sockets" ;;
    esac
}

ours_away() { # FOLDER NAME...: delete what we made in a folder, and then the folder
    folder=$1
    shift
    for left; do rm -rf "${folder:?}/$left" || return; done
    # One that holds something else stays.
    rmdir "$folder" "${folder%/*}" 2>/dev/null || :
}

notes_away() { # a push that came meanwhile waits for the lock
    rm -rf "$state"/lab.addr.* "$state"/lab.log* "$state"/token.* "$state"/claim.* &&
        ours_away "$state" bashrc-block bashrc-made cookie-secret env.unfinished folders lab.addr \
            links pairs.pyz remote run service port project supervise.pid token unended in."$host.$$.$id" lock || return
    locked=''
}
