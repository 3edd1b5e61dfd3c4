# The constant places in the home that lead through the switch. They are put in before
# the switch is first turned, while they lead nowhere yet, so that it alone decides
# what the home sees. Needs: state.sh.

links_free() { # LINKS: none of the places holds something of the user's
    while IFS= read -r place; do
        at=$HOME/$place
        [ -e "$at" ] || [ -h "$at" ] || continue
        # Cheaper than readlink, and as good while the switch leads somewhere. It is in
        # POSIX since 2024, and in dash, bash, ksh and busybox since long before.
        # shellcheck disable=SC3013
        [ "$at" -ef "$current/home/$place" ] || own_link "$place" ||
            [ "$(readlink "$at")" = "$current/home/$place" ] || fail 1 foreign "$place"
    done <"$1"
}

own_link() { # PLACE outside: is it the user's own link to a file, which we write then?
    case $1 in ".config/$base"/*) return 1 ;; esac
    # Ours leads to the same; spare the readlink.
    # shellcheck disable=SC3013
    [ ! "$HOME/$1" -ef "$current/home/$1" ] && [ -h "$HOME/$1" ] && [ -f "$HOME/$1" ] &&
        target=$(readlink "$HOME/$1") &&
        case $target in "$current"/*) false ;; esac
}

links_noted() { # LINKS: those that links_in will make; sets noted
    # Noted first, and settled: remove must find them, wherever a push is cut.
    noted=no known=yes
    # Empty, too, by a power cut behind a push of an earlier version.
    [ -s "$state/links" ] || known=no
    # Even where there are none: by this, a remove knows that something was pushed.
    [ -e "$state/links" ] || : >"$state/links" || return
    while IFS= read -r place; do
        [ ! -h "$HOME/$place" ] || [ "$known" = no ] || continue
        noted=yes
        printf '%s\n' "$place" >>"$state/links" || return
        case $place in */*) folder_noted "${place%/*}" || return ;; esac
    done <"$1"
}

links_in() { # LINKS, noted; where a folder can't be made, no link is there yet
    while IFS= read -r place; do
        case $place in
        */*) folder_made "$HOME/${place%/*}" || return ;;
        esac
    done <"$1"
    while IFS= read -r place; do
        [ -h "$HOME/$place" ] || ln -s "$current/home/$place" "$HOME/$place" || return
    done <"$1"
}

folder_made() { # FOLDER: another project's remove may delete one above it meanwhile
    [ -d "$1" ] || mkdir -p "$1" 2>/dev/null || mkdir -p "$1"
}

folder_noted() { # FOLDER, relative to the home: if we have to make it, remove must know
    [ ! -d "$HOME/$1" ] || return 0
    case $1 in */*) folder_noted "${1%/*}" || return ;; esac
    printf '%s\n' "$1" >>"$state/folders"
}

folder_in() { # FOLDER, relative to the home
    # Noted first: a disk may have room for a folder, and none for the note.
    [ -d "$HOME/$1" ] || { folder_noted "$1" && folder_made "$HOME/$1"; }
}

write_through() { # what pending/through names, into the files behind the user's links
    [ -e "$current/pending/through" ] || return 0
    behind=$state beside=''
    from=$state/$(cat "$current/pending/through") # generations/N/written or replaced
    case $from in */written) was=${from%/*}/replaced ;; *) was=${from%/*}/written ;; esac
    (cd "$from" && find . -type f) >"$work/behind" || return
    while IFS= read -r path; do
        behind=$(readlink -f "${from%/*}/home/$path") || continue # the user deleted it
        beside=$behind.$slug-new
        if [ -e "$behind" ]; then
            cmp -s "$behind" "$was/$path"
            case $? in
            0) cp -p "$behind" "$beside" || unwritten || return ;;
            # Written already, or changed since by the user: then it stays.
            1) rm -f "$beside" && continue ;;
            *) return 1 ;;
            esac
        fi
        cat "$from/$path" >"$beside" || unwritten || return
        if [ -x "$from/$path" ]; then chmod u+x "$beside"; else chmod a-x "$beside"; fi
        settle "$beside" || unwritten || return
        mv -f "$beside" "$behind" || unwritten || return
    done <"$work/behind"
    rm -f "$current/pending/through"
}

unwritten() { # leave nothing beside the user's file
    rm -f "$beside"
    return 1
}

links_out() { # out with all links of ours that nothing stands behind any more
    [ -e "$state/links" ] || return 0
    while IFS= read -r place; do
        [ ! -h "$HOME/$place" ] || [ -e "$current/home/$place" ] ||
            [ -h "$current/home/$place" ] || link_out "$place"
    done <"$state/links"
}

link_out() { # PLACE: if it is still the link that we made
    [ -h "$HOME/$1" ] || return 0
    target=$(readlink "$HOME/$1") || return
    [ "$target" != "$current/home/$1" ] || rm -f "$HOME/$1"
}
