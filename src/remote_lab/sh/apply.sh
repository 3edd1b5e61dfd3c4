# Push the dotfiles: stage a generation of what compare.sh finds to be done, and turn
# the one switch, $current. What came lies in $work:
#   new/       the dotfiles
#   manifest   their paths and states, PATH<tab>KIND:SUM
#   links      the places outside that lead to them
# A generation has the same, with the user's changes carried over, and with
# id (of the push), previous (the generation before) and pending/ (what has to follow).
# Where the user replaced a dotfile by a link to a file elsewhere, the link stays, and
# written/ has what goes into that file, replaced/ what was in it.
#
# What a crash leaves: before the switch, a stage that the next push deletes, and links
# that lead nowhere; after it, pending/ tells the next push what is left to do.
# A power cut also loses what was not synced to the disk: so all that was staged and
# noted is synced before the switch, and the switch before it is reported.
#
# No pipelines where it counts: sh would not notice a part that fails. And few
# commands: on a machine nearby, starting them is most of what a push takes.
# Needs: state.sh, lock.sh, places.sh, bashrc.sh, former.sh, compare.sh, lab.sh, mode,
# remote (its name).

stage() { # the new generation, whole, beside the others: $part, to be $next
    number=1
    for other in "$state"/generations/*; do
        other=${other##*/}
        case $other in *[!0-9]*) continue ;; esac
        [ "$other" -lt "$number" ] || number=$((other + 1))
    done
    next=$state/generations/$number
    part=$next.$id.part # if that push was killed, its cp may still be running
    mkdir -p "$part/pending" || return
    if [ -e "$current/home" ]; then
        cp -pPR "$current/home" "$part/home" && readlink "$current" >"$part/previous" ||
            return
    fi
    # Deletions first: a folder of theirs may become a link that leads elsewhere.
    while IFS=$tab read -r word path own; do
        [ "$word" != drop ] || stage_one drop "$path" || return
    done <"$work/verdicts"
    still_owed "$part" || return
    while IFS=$tab read -r word path own; do
        if [ "$own" = own ]; then
            stage_behind "$path" || return
        elif [ "$word" != drop ] && [ -e "$current/home" ]; then
            stage_one "$word" "$path" || return
        fi
    done <"$work/verdicts"
    if [ ! -e "$part/home" ]; then # a project may have no dotfiles at all
        [ -d "$work/new" ] || mkdir "$work/new" || return
        mv "$work/new" "$part/home" || return
    fi
    mv "$work/manifest" "$work/links" "$part" && echo "$id" >"$part/id"
}

stage_one() { # WORD PATH
    at=$part/home/$2
    if [ "$1" = drop ]; then
        rm -f "$at" || return
    else
        case $2 in */*) folder_for "$2" || return ;; esac
        [ -d "${at%/*}" ] || mkdir -p "${at%/*}" || return
        [ ! -d "$at" ] || [ -h "$at" ] || rm -rf "$at" || return
        mv -fT "$work/new/$2" "$at" || return
    fi
    pending "$part" "$2"
}

folder_for() { # PATH: delete what is no folder where one must be: it was a clash
    above=$1 top=''
    while case $above in */*) ;; *) false ;; esac; do
        above=${above%/*}
        { [ -d "$part/home/$above" ] && [ ! -h "$part/home/$above" ]; } ||
            [ ! -e "$part/home/$above" ] && [ ! -h "$part/home/$above" ] ||
            top=$above
    done
    [ -z "$top" ] || rm -f "$part/home/$top"
}

stage_behind() { # PATH, a link of the user's to a file elsewhere: it stays
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
    # The project's own paths alone: ~/bin/lab or backup.service are not the lab's.
    case $2 in
    ".config/systemd/user/jupyter-$slug.service"*)
        : >"$1/pending/reload" && : >"$1/pending/lab"
        ;;
    .config/systemd/user/*) : >"$1/pending/reload" ;;
    ".config/$base/lab" | ".config/$base/supervise" | ".config/$base/jupyter/"* | \
        ".config/$base/system/jupyter-$slug@.service") : >"$1/pending/lab" ;;
    ".config/$base/tmux.conf") : >"$1/pending/tmux" ;;
    esac
}

still_owed() { # GENERATION: what had to follow the one in use, and has not yet
    for owed in reload lab tmux; do
        [ ! -e "$current/pending/$owed" ] || : >"$1/pending/$owed" || return
    done
}

turn_to() { # GENERATION: the one switch
    ln -s "generations/$1" "$state/current.$id" &&
        mv -fT "$state/current.$id" "$current"
}

prune() { # keep the five newest, and the one that was in use: undo goes back to it
    former=''
    [ ! -e "$current/previous" ] || read -r former <"$current/previous"
    for old in "$state"/generations/*; do
        case ${old##*/} in *[!0-9]*) continue ;; esac
        [ "${old##*/}" -gt $((number - 5)) ] ||
            [ "generations/${old##*/}" = "$former" ] || away "$old"
    done
}

push_home() {
    begin
    former_in
    [ "$mode" = dry ] || write_through || fail 1 owed "$behind"
    if as_pushed; then due=no; else weigh; fi
    links_free "$work/links"
    [ "$mode" != dry ] || return 0
    places=$work/links
    links_noted "$places" || fail 1 nowrite "$HOME"
    if [ "$due" = yes ]; then
        stage || fail 1 nowrite "$state"
        places=$part/links
    fi
    [ "$due$noted" = nono ] || settle "$state" || fail 1 nowrite "$state"
    links_in "$places" || fail 1 nowrite "$HOME"
    if [ "$due" = yes ]; then
        mv "$part" "$next" && turn_to "$number" || fail 1 nowrite "$state"
        write_through || fail 1 behind "$behind" push
    fi
    remote_noted
    bashrc_in
    links_out
    if [ "$due" = yes ]; then
        settle "$state" "$HOME" || fail 1 unsettled
        say generation "$number"
        prune
    fi
    follow_up
}

remote_noted() { # what the laptop calls this machine: the title of the lab's page
    called=''
    read -r called 2>/dev/null <"$state/remote"
    [ "$called" = "$remote" ] || echo "$remote" >"$state/remote"
}

weigh() { # sets due: whether there has to be another generation
    : >"$work/none"
    pristine=$work/none
    [ ! -e "$current/manifest" ] || pristine=$current/manifest
    pair "$pristine" "$work/manifest" && look "$current/home" "$work/now" && judge ||
        fail 1 nowrite "$state"
    [ "$clashes" -eq 0 ] || [ "$mode" = force ] || fail 3 clashes
    due=yes
    [ "$changes" -gt 0 ] || [ "$news" = yes ] ||
        ! cmp -s "$current/links" "$work/links" || due=no
}
