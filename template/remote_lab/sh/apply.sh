# Push the home pieces: compare three ways, stage a generation, and turn the
# one switch, $current. What came lies in $work:
#   new/       the home pieces
#   manifest   their paths and states, PATH<tab>KIND:SUM
#   links      the places outside that lead to them
# A generation is the same, with what the user made his own carried over, and with
# id (of the push), previous (the generation before) and pending/ (what has to follow).
# Where he made a link of a piece, to a file of his own, the link stays, and
# written/ has what goes into that file, replaced/ what was in it.
#
# What a crash leaves: before the switch, a stage that the next push sweeps away and
# links that lead nowhere; after it, pending/ tells the next push what is left to do.
#
# No pipelines where it counts: of a part that dies, sh would learn nothing. And few
# commands: on a machine nearby, starting them is most of what a push takes.
# Needs: state.sh, lock.sh, places.sh, lab.sh, mode (apply, force or dry).

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
                now=l: # what is behind the user's link is his
            fi
        elif [ -h "$at" ]; then
            target=$(readlink "$at") || return
            case $target in *[[:cntrl:]]*) target=odd ;; esac
            now=l:$target
            # Where files are pushed, a link of his own to a file: what is in it counts.
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

judge() { # $work/now: tell what is to be done, and note it in $work/verdicts
    changes=0 clashes=0 news=no
    while IFS=$tab read -r path old new now own; do
        [ "$old" = "$new" ] || news=yes
        [ "$now" != "$new" ] || continue
        [ "$old$now" != -d: ] || ! goes "$path" || now=-
        if [ "$now" != "$old" ]; then # edited there
            if [ "$new" = "$old" ] || [ "$new" = - ]; then word=keep; else word=clash; fi
        elif [ "$new" = - ]; then
            word=drop
        elif in_the_way "$path"; then
            word=clash
        else
            word=take
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

goes() { # FOLDER: whether nothing is left in it but what this push takes away
    find "$current/home/$1" ! -type d >"$work/inside" || return
    while IFS= read -r inside; do
        gone=no
        while IFS=$tab read -r piece was comes is _; do
            [ "$current/home/$piece" != "$inside" ] || [ "$comes" != - ] ||
                [ "$is" != "$was" ] || gone=yes
        done <"$work/now"
        [ "$gone" = yes ] || return
    done <"$work/inside"
}

in_the_way() { # PATH: whether something of the user's is where a folder of it must be
    above=$1
    while case $above in */*) ;; *) false ;; esac; do
        above=${above%/*}
        # A file that goes has been told already: its path sorts before this one.
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

stage() { # the new generation, whole, beside the others
    number=1
    for other in "$state"/generations/*; do
        other=${other##*/}
        case $other in *[!0-9]*) continue ;; esac
        [ "$other" -lt "$number" ] || number=$((other + 1))
    done
    next=$state/generations/$number
    part=$next.$id.part # whose push was killed may have a cp that runs on
    mkdir -p "$state/generations" && mkdir "$part" "$part/pending" || return
    if [ -e "$current/home" ]; then
        cp -pPR "$current/home" "$part/home" && readlink "$current" >"$part/previous" ||
            return
    fi
    # What goes goes first: a folder of it may become a link, that leads elsewhere.
    while IFS=$tab read -r word path own; do
        [ "$word" != drop ] || stage_one drop "$path" || return
    done <"$work/verdicts"
    while IFS=$tab read -r word path own; do
        if [ "$own" = own ]; then
            stage_behind "$path" || return
        elif [ "$word" != drop ] && [ -e "$current/home" ]; then
            stage_one "$word" "$path" || return
        fi
    done <"$work/verdicts"
    if [ ! -e "$part/home" ]; then # a project may have no pieces at all
        mkdir -p "$work/new" && mv "$work/new" "$part/home" || return
    fi
    mv "$work/manifest" "$work/links" "$part" && echo "$id" >"$part/id" || return
    mv "$part" "$next"
}

stage_one() { # WORD PATH
    at=$part/home/$2
    if [ "$1" = drop ]; then
        rm -f "$at" || return
    else
        case $2 in */*) folder_for "$2" && mkdir -p "${at%/*}" || return ;; esac
        rm -rf "$at" && cp -pP "$work/new/$2" "$at" || return
    fi
    pending "$part" "$2"
}

folder_for() { # PATH: what is no folder gives way, where one must be: it was a clash
    above=$1 top=''
    while case $above in */*) ;; *) false ;; esac; do
        above=${above%/*}
        { [ -d "$part/home/$above" ] && [ ! -h "$part/home/$above" ]; } ||
            [ ! -e "$part/home/$above" ] && [ ! -h "$part/home/$above" ] ||
            top=$above
    done
    [ -z "$top" ] || rm -f "$part/home/$top"
}

stage_behind() { # PATH, the user's link to a file of his own: the link stays
    from=$(where "$1") new=$work/new/$1
    mkdir -p "$part/written/$1" "$part/replaced/$1" &&
        rmdir "$part/written/$1" "$part/replaced/$1" &&
        cp -p "$new" "$part/written/$1" && cp -p "$from" "$part/replaced/$1" &&
        echo "generations/$number/written" >"$part/pending/through" || return
    if [ ! -e "$current/home" ]; then # then all that is new is moved in, as one
        behind=$(readlink -f "$from") && rm -f "$new" && ln -s "$behind" "$new" || return
    elif [ ! -h "$part/home/$1" ]; then
        behind=$(readlink -f "$from") && rm -f "$part/home/$1" &&
            ln -s "$behind" "$part/home/$1" || return
    fi
    pending "$part" "$1"
}

pending() { # GENERATION PATH: what has to follow once that path has changed
    case $2 in
    *.service) : >"$1/pending/reload" && : >"$1/pending/lab" ;;
    */lab | */supervise | */jupyter/*) : >"$1/pending/lab" ;;
    */tmux.conf) : >"$1/pending/tmux" ;;
    esac
}

turn_to() { # GENERATION: the one switch
    ln -s "generations/$1" "$state/current.$id" &&
        mv -fT "$state/current.$id" "$current"
}

prune() { # keep the five newest, and the one that was in use: undo goes back to it
    former=''
    [ ! -e "$current/previous" ] || read -r former <"$current/previous"
    for old in "$state"/generations/*; do
        [ "${old##*/}" -gt $((number - 5)) ] ||
            [ "generations/${old##*/}" = "$former" ] || away "$old"
    done
}

push_home() {
    begin
    [ "$mode" = dry ] || write_through || fail 1 behind "$behind"
    : >"$work/none"
    pristine=$work/none
    [ ! -e "$current/manifest" ] || pristine=$current/manifest
    pair "$pristine" "$work/manifest" && look "$current/home" "$work/now" && judge ||
        fail 1 nowrite "$state"
    [ "$clashes" -eq 0 ] || [ "$mode" = force ] || fail 3 clashes
    links_free "$work/links"
    [ "$mode" != dry ] || return 0
    links_in "$work/links" || fail 1 nowrite "$HOME"
    if [ "$changes" -gt 0 ] || [ "$news" = yes ] || ! cmp -s "$current/links" "$work/links"; then
        stage || fail 1 nowrite "$state"
        turn_to "$number" || fail 1 nowrite "$state"
        write_through || fail 1 behind "$behind"
        say generation "$number"
        prune
    fi
    bashrc_in
    links_out
    follow_up
}
