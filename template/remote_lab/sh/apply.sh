# Push, undo and remove the home pieces. A push compares three ways, stages a generation
# and turns the one switch, $current. What came lies in $work:
#   new/       the home pieces
#   manifest   their paths and states, PATH<tab>KIND:SUM
#   links      the places outside that lead to them
# A generation is the same, with what the user made his own carried over, and with
# id (of the push), previous (the generation before) and pending/ (what has to follow).
#
# What a crash leaves: before the switch, a stage that the next push sweeps away and
# links that lead nowhere; after it, pending/ tells the next push what is left to do.
#
# No pipelines where it counts: of a part that dies, sh would learn nothing.
# Needs: state.sh, lock.sh, places.sh, lab.sh, mode (apply, force or dry).

manifest_now() { # ROOT PATHS OUT: what is there now, in the form of a manifest
    root=$1 out=$3
    : >"$out" || return
    set -- "$2"
    while IFS= read -r path; do
        if [ -h "$root/$path" ]; then
            target=$(readlink "$root/$path") &&
                printf '%s\t%s\n' "$path" "l:$target" >>"$out" || return
        elif [ -f "$root/$path" ]; then
            set -- "$@" "$path"
        elif [ -e "$root/$path" ]; then
            printf '%s\td:\n' "$path" >>"$out" || return
        fi
    done <"$1"
    shift
    [ $# -gt 0 ] || return 0
    (cd "$root" && sha256sum -- "$@") >"$work/sums" || return
    while read -r sum path; do
        if [ -x "$root/$path" ]; then kind=x; else kind=f; fi
        printf '%s\t%s:%s\n' "$path" "$kind" "$sum" || return
    done <"$work/sums" >>"$out"
}

tagged() { # TAG MANIFEST: each line with the tag between path and state
    while IFS=$tab read -r path what; do
        printf '%s\t%s\t%s\n' "$path" "$1" "$what" || return
    done <"$2"
}

compare() { # OLD NOW NEW, three manifests: a verdict for each path
    tagged old "$1" >"$work/tagged" && tagged now "$2" >>"$work/tagged" &&
        tagged new "$3" >>"$work/tagged" && sort "$work/tagged" >"$work/sorted" ||
        return
    before='' old='' now='' new=''
    while IFS=$tab read -r path tag what; do
        if [ "$path" != "$before" ]; then
            [ -z "$before" ] || verdict "$before" || return
            before=$path old='' now='' new=''
        fi
        case $tag in old) old=$what ;; now) now=$what ;; new) new=$what ;; esac
    done <"$work/sorted" >"$work/verdicts"
    [ -z "$before" ] || verdict "$before" >>"$work/verdicts"
}

paths_of() { # MANIFEST MANIFEST: the paths of both, once each
    cut -f 1 "$1" "$2" >"$work/all" && sort -u "$work/all" >"$work/paths"
}

verdict() { # PATH: of what was pushed last (old), is there now, and comes (new)
    if [ "$now" = "$new" ]; then
        return
    elif [ "$now" = "$old" ]; then # untouched since the last push
        if [ -n "$new" ]; then word=take; else word=drop; fi
    elif [ "$new" = "$old" ] || [ -z "$new" ]; then # edited there, and no news
        word=keep
    else
        word=clash
    fi
    printf '%s\t%s\n' "$word" "$1"
}

show_diff() { # PATH: from what is there to what comes
    from=$current/home/$1 to=$work/new/$1
    [ -e "$from" ] || from=/dev/null
    [ -e "$to" ] || to=/dev/null
    diff -u -L "there/$1" -L "here/$1" "$from" "$to" 2>&1 | while IFS= read -r line; do
        say diff "$line"
    done
}

judge() { # read the verdicts; what may not go on ends here
    changes=0 clashes=0
    while IFS=$tab read -r word path; do
        case $word in
        keep) say kept "$path" ;;
        clash)
            say clash "$path"
            clashes=$((clashes + 1)) changes=$((changes + 1))
            ;;
        *)
            say "$word" "$path"
            changes=$((changes + 1))
            ;;
        esac
        [ "$mode" = apply ] && [ "$word" != clash ] || [ "$word" = keep ] ||
            show_diff "$path"
    done <"$work/verdicts"
    [ $clashes -eq 0 ] || [ "$mode" != apply ] || fail 3 clashes
}

stage() { # the new generation, whole, beside the others
    number=1
    for other in "$state"/generations/*; do
        other=${other##*/}
        case $other in *[!0-9]*) continue ;; esac
        [ "$other" -lt "$number" ] || number=$((other + 1))
    done
    next=$state/generations/$number
    mkdir -p "$next.part/pending" || return
    if [ -e "$current/home" ]; then
        cp -pPR "$current/home" "$next.part/home" || return
        while IFS=$tab read -r word path; do
            stage_one "$word" "$path" || return
        done <"$work/verdicts"
        readlink "$current" >"$next.part/previous" || return
    else
        mv "$work/new" "$next.part/home" || return
    fi
    mv "$work/manifest" "$work/links" "$next.part" || return
    echo "$id" >"$next.part/id" || return
    mv "$next.part" "$next"
}

stage_one() { # WORD PATH
    at=$next.part/home/$2
    case $1 in
    keep) return ;;
    drop) rm -f "$at" && pending "$next.part" "$2" ;;
    *)
        case $2 in */*) mkdir -p "${at%/*}" || return ;; esac
        rm -rf "$at" && cp -pP "$work/new/$2" "$at" && pending "$next.part" "$2"
        ;;
    esac
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

prune() { # keep the five newest, and the one in use
    in_use=$(readlink "$current")
    for old in "$state"/generations/*; do
        [ "${old##*/}" -gt $((number - 5)) ] ||
            [ "generations/${old##*/}" = "$in_use" ] || rm -rf "$old"
    done
}

push_home() {
    begin
    : >"$work/none"
    pristine=$work/none
    [ ! -e "$current/manifest" ] || pristine=$current/manifest
    paths_of "$pristine" "$work/manifest" &&
        manifest_now "$current/home" "$work/paths" "$work/now" &&
        compare "$pristine" "$work/now" "$work/manifest" || fail 1 nowrite "$state"
    judge
    links_free "$work/links"
    if [ "$mode" = dry ]; then
        [ $clashes -eq 0 ] || fail 3 clashes
        return
    fi
    bashrc_in
    if [ $changes -gt 0 ] || ! cmp -s "$pristine" "$work/manifest" ||
        ! cmp -s "$current/links" "$work/links"; then
        links_in "$work/links" || fail 1 nowrite "$HOME"
        stage || fail 1 nowrite "$state"
        turn_to "$number" || fail 1 nowrite "$state"
        say generation "$number"
        links_out "$state/$(cat "$current/previous" 2>/dev/null)/links"
        prune
    else
        links_in "$work/links" || fail 1 nowrite "$HOME"
    fi
    follow_up
}

undo_home() { # back to the generation before this one
    begin
    [ -e "$current/id" ] || fail 1 never
    left=$(readlink "$current")
    back=$(cat "$current/previous" 2>/dev/null) || fail 1 first
    [ -e "$state/$back/id" ] || fail 1 pruned "$back"
    paths_of "$current/manifest" "$state/$back/manifest" &&
        manifest_now "$current/home" "$work/paths" "$work/here" &&
        manifest_now "$state/$back/home" "$work/paths" "$work/there" &&
        compare "$work/here" "$work/here" "$work/there" || fail 1 nowrite "$state"
    while IFS=$tab read -r word path; do
        say "$word" "$path"
        pending "$state/$back" "$path"
    done <"$work/verdicts"
    links_free "$state/$back/links"
    links_in "$state/$back/links" || fail 1 nowrite "$HOME"
    turn_to "${back#generations/}" || fail 1 nowrite "$state"
    say generation "${back#generations/}" "${left#generations/}"
    links_out "$state/$left/links"
    follow_up
}

keep_own() { # a copy of the home pieces, if the user has made any of them his own
    paths_of "$current/manifest" "$current/manifest" &&
        manifest_now "$current/home" "$work/paths" "$work/now" &&
        sort "$work/now" >"$work/here" && sort "$current/manifest" >"$work/pushed" &&
        (cd "$current/home" && find . ! -type d) >"$work/files" || return
    # As many files as were pushed, and the same: then nothing is his.
    lines=$(wc -l <"$work/files") pushed=$(wc -l <"$work/pushed")
    if [ "$lines" -eq "$pushed" ] && cmp -s "$work/here" "$work/pushed"; then return; fi
    kept=$HOME/$slug.kept.$id
    cp -pPR "$current/home" "$kept" && say kept "${kept##*/}"
}

remove_home() { # everything of the project, but its code, off this account
    begin
    [ -e "$state/links" ] || fail 1 never # else even half a first push goes
    [ ! -e "$current/id" ] || keep_own || fail 1 nowrite "$HOME"
    backend_leave
    socket=$(sed -n 's/^socket=//p' "$state/lab.addr" 2>/dev/null)
    case $socket in /tmp/"$slug"-*/lab.sock) rm -rf "${socket%/*}" ;; esac
    while IFS= read -r place; do link_out "$place"; done <"$state/links"
    bashrc_out || fail 1 nowrite "$HOME/.bashrc"
    [ ! -e "$state/folders" ] || sort -r "$state/folders" | while IFS= read -r folder; do
        rmdir "$HOME/$folder" 2>/dev/null
    done
    systemctl --user daemon-reload >/dev/null 2>&1
    rm -rf "$state" "$HOME/.local/share/$slug" "$HOME/.cache/$slug"
    say removed
}
