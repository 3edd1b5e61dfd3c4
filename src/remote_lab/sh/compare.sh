# Three ways: of each path, what was pushed last, what is there now, and what comes. The
# verdicts are reported to the laptop, and noted for apply.sh.
#   $work/pairs      PATH OLD NEW        of two manifests
#   $work/now        PATH OLD NEW NOW OWN    and what is there; OWN: a link of the user's
#   $work/verdicts   ACTION PATH OWN       put, drop or clash
# Needs: state.sh, places.sh, mode (apply, force or dry).

as_pushed() { # nothing new comes, and all is as it was pushed; if in doubt, it is not
    # The common case. The long way reads a few files, which sh does byte by byte.
    [ -e "$current/manifest" ] && cmp -s "$current/manifest" "$work/manifest" &&
        cmp -s "$current/links" "$work/links" || return
    root=$current/home wanted='' end=''
    set --
    while IFS=$tab read -r path what; do
        at=$root/$path
        [ -f "$at" ] && [ ! -h "$at" ] && ! own_link "$path" && ! behind_link "$path" ||
            return
        case $what in
        x:*) [ -x "$at" ] || return ;;
        f:*) [ ! -x "$at" ] || return ;;
        *) return 1 ;;
        esac
        set -- "$@" "$at"
        wanted=$wanted$end${what#?:}"  "$at
        end='
'
    done <"$work/manifest"
    [ $# -eq 0 ] || [ "$(sha256sum -- "$@")" = "$wanted" ]
}

pair() { # OLD NEW, two manifests: $work/pairs, PATH OLD NEW, sorted; "-" for none
    tagged old "$1" >"$work/tagged" && tagged new "$2" >>"$work/tagged" &&
        sort "$work/tagged" >"$work/sorted" || return
    before=''
    while IFS=$tab read -r path tag what; do
        if [ "$path" != "$before" ]; then
            [ -z "$before" ] || printf '%s\t%s\t%s\n' "$before" "$old" "$new" || return
            before=$path old=- new=-
        fi
        case $tag in old) old=$what ;; new) new=$what ;; esac
    done <"$work/sorted" >"$work/pairs"
    [ -z "$before" ] || printf '%s\t%s\t%s\n' "$before" "$old" "$new" >>"$work/pairs"
}

tagged() { # TAG MANIFEST: each line with the tag between path and state
    while IFS=$tab read -r path what; do
        printf '%s\t%s\t%s\n' "$path" "$1" "$what" || return
    done <"$2"
}

look() { # ROOT OUT: $work/pairs and what is there: PATH OLD NEW NOW, and OWN or "-"
    root=$1 out=$2
    set --
    # shellcheck disable=SC2094 # $work/pairs is only read
    while IFS=$tab read -r path old new; do
        at=$root/$path now=- own=-
        ! own_link "$path" || at=$HOME/$path
        if behind_link "$path"; then
            target=$(readlink "$root/$above") || return
            if grep -qxF -e "$above${tab}l:$target$tab-" "$work/pairs"; then
                at='' # one of ours, that goes
            else
                now=l: # what is behind the user's link is the user's
            fi
        elif [ -h "$at" ]; then
            target=$(readlink "$at") || return
            case $target in *[[:cntrl:]]*) target=odd ;; esac
            now=l:$target
            # Where files are pushed, a link of the user's to a file: its content counts.
            case $old,$new in
            l:* | *,l:* | *,-) ;;
            *) [ ! -f "$at" ] || own=own now=- ;;
            esac
        fi
        if [ "$now" = - ] && [ -f "$at" ]; then
            if runs "$at" "$old"; then now=x; else now=f; fi
            set -- "$@" "$at"
        elif [ "$now" = - ] && [ -e "$at" ]; then
            now=d:
        fi
        printf '%s\t%s\t%s\t%s\t%s\n' "$path" "$old" "$new" "$now" "$own" || return
    done <"$work/pairs" >"$work/kinds"
    : >"$work/sums"
    [ $# -eq 0 ] || sha256sum -- "$@" >"$work/sums" || return
    while IFS=$tab read -r path old new now own; do
        case $now in f | x) read -r sum _ <&3 && now=$now:${sum#\\} || return ;; esac
        printf '%s\t%s\t%s\t%s\t%s\n' "$path" "$old" "$new" "$now" "$own" || return
    done <"$work/kinds" 3<"$work/sums" >"$out"
}

behind_link() { # PATH: whether one of its folders, in $root, is a link
    above=$1
    while case $above in */*) ;; *) false ;; esac; do
        above=${above%/*}
        [ ! -h "$root/$above" ] || return 0
    done
    return 1
}

runs() { # FILE OLD: whether it is executable, also where the home is mounted noexec
    [ -x "$1" ] ||
        case $2 in x:*) [ -n "$(find -L "$1" -prune -perm -100)" ] ;; *) false ;; esac
}

judge() { # $work/now: report what is to be done, and note it in $work/verdicts
    changes=0 clashes=0 news=no
    while IFS=$tab read -r path old new now own; do
        [ "$old" = "$new" ] || news=yes
        [ "$now" != "$new" ] || continue
        [ "$old$now" != -d: ] || ! goes "$path" || now=-
        ! emptied "$path" || now=$old
        if [ "$now" != "$old" ]; then # changed on the remote
            if [ "$new" = "$old" ] || [ "$new" = - ]; then word=keep; else word=clash; fi
        elif [ "$new" = - ]; then
            word=drop
        elif in_the_way "$path"; then
            word=clash
        else
            word=put
        fi
        if [ "$word" = keep ]; then
            say kept "$path"
            continue
        fi
        say "$word" "$path"
        [ "$own" = - ] || say own "$path" "$(readlink -f "$(where "$path")")"
        printf '%s\t%s\t%s\n' "$word" "$path" "$own" >&4 || return
        changes=$((changes + 1))
        [ "$word" != clash ] || clashes=$((clashes + 1))
        [ "$mode" = apply ] && [ "$word" != clash ] || show_diff "$path"
    done <"$work/now" 4>"$work/verdicts"
}

emptied() { # PATH: whether a power cut did that, behind a push of an earlier version
    # Who empties a file leaves the time on it: nobody has, if it has that of a bundle.
    # One that was pushed empty, and is executable now, was changed by its user.
    # shellcheck disable=SC3013
    [ "${old#*:}" != "${now#*:}" ] &&
        [ "$own" = - ] && [ -f "$current/home/$1" ] && [ ! -s "$current/home/$1" ] &&
        [ ! "$current/home/$1" -nt "$work/manifest" ]
}

goes() { # FOLDER: whether all that is in it is deleted by this push
    find "$current/home/$1" ! -type d >"$work/inside" || return
    while IFS= read -r inside; do
        gone=no
        while IFS=$tab read -r dotfile was comes is _; do
            [ "$current/home/$dotfile" != "$inside" ] || [ "$comes" != - ] ||
                [ "$is" != "$was" ] || gone=yes
        done <"$work/now"
        [ "$gone" = yes ] || return
    done <"$work/inside"
}

in_the_way() { # PATH: whether something of the user's is where a folder of it must be
    above=$1
    while case $above in */*) ;; *) false ;; esac; do
        above=${above%/*}
        # A file that is deleted was reported already: its path sorts before this one.
        [ -d "$current/home/$above" ] || [ ! -e "$current/home/$above" ] ||
            grep -qxF -e "drop$tab$above$tab-" "$work/verdicts" || return 0
    done
    return 1
}

where() { # PATH: the file there, or the user's link to it, outside of the generation
    if own_link "$1"; then
        printf '%s\n' "$HOME/$1"
    else
        printf '%s\n' "$current/home/$1"
    fi
}

show_diff() { # PATH: from what is there to what comes
    from=$(where "$1") to=$work/new/$1
    there=there/$1
    [ "$own" = - ] || there="$there, a link to $(readlink -f "$from")"
    [ -e "$from" ] || from=/dev/null
    [ -e "$to" ] || to=/dev/null
    diff -u -L "$there" -L "here/$1" "$from" "$to" 2>&1 | while IFS= read -r line; do
        say diff "$line"
    done
}
