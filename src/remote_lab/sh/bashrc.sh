# One marked block in ~/.bashrc, for the aliases: put in once, taken out cleanly. That it
# was put in is noted, so that a user who deletes it is not given it back.
# Needs: state.sh, lock.sh, id.

bashrc_alone() { # of all projects of this account, one at a time changes ~/.bashrc
    # Of two at once, the second would write what it read before the first: and the block
    # that is lost so would count as one that the user deleted.
    tries=0
    until ln -s "$owner" "$others" 2>/dev/null; do
        others_gone
        tries=$((tries + 1))
        [ $tries -lt 50 ] || return 0
        sleep 0.1
    done
    only=$others
}

bashrc_let_go() { # the next one may
    [ -z "$only" ] || rm -f "$only"
    only=''
}

bashrc_in() { # one marked block at the end of ~/.bashrc, once
    bashrc=$HOME/.bashrc
    beside=$HOME/.bashrc.$slug.$id
    bashrc_has_it
    case $? in
    0)
        [ -s "$state/bashrc-block" ] || echo in >"$state/bashrc-block"
        return
        ;;
    1) ;;
    *) bashrc_failed && return ;;
    esac
    if [ -e "$state/bashrc-block" ]; then # the user deleted it: reported once
        [ ! -s "$state/bashrc-block" ] ||
            { printf '' >"$state/bashrc-block" && say unblocked; }
        return
    fi
    bashrc_alone
    bashrc_add
    bashrc_let_go
}

bashrc_add() { # it is not in
    [ ! -h "$bashrc" ] || bashrc=$(readlink -f "$bashrc") # the user's link stays
    if [ -e "$bashrc" ]; then
        cp -p "$bashrc" "$beside" && last=$(tail -c 1 "$bashrc") ||
            { bashrc_failed; return; }
        # So that taking the block out again leaves the very bytes of before.
        [ -z "$last" ] || { echo >>"$beside" && echo >"$state/unended"; } ||
            { bashrc_failed; return; }
    else
        echo >"$state/bashrc-made" || { bashrc_failed; return; }
    fi
    {
        echo "# >>> $slug >>>"
        echo "[ ! -r ~/.config/$base/bashrc ] || . ~/.config/$base/bashrc"
        echo "# <<< $slug <<<"
    } >>"$beside" && settle "$beside" "$state" && mv -f "$beside" "$bashrc" ||
        { bashrc_failed; return; }
    settle "$bashrc" && echo in >"$state/bashrc-block"
}

bashrc_has_it() { # 0: the block is in it; 1: it is not; more: it can't be read
    [ -e "$HOME/.bashrc" ] || return 1
    grep -qxF "# >>> $slug >>>" "$HOME/.bashrc"
}

bashrc_failed() { # no reason to fail: only the aliases are missing
    rm -f "$beside"
    say bashrc "$bashrc"
}

bashrc_less() { # write, beside it, what ~/.bashrc is without the block, and nothing else
    beside=''
    bashrc_has_it
    case $? in
    0) ;;
    1) return 0 ;;
    *) [ ! -f "$HOME/.bashrc" ]; return ;;
    esac
    # These lines alone: what was written among them, or below, is the user's.
    aliases="..config.$base.bashrc" # a dot for each tilde and slash: it is a pattern
    ours="\[ ! -r .$aliases \] || \. .$aliases"
    bashrc=$(readlink -f "$HOME/.bashrc") && beside=$HOME/.bashrc.$slug.$id &&
        cp -p "$bashrc" "$beside" && last=$(tail -n 1 "$bashrc") &&
        sed -e "/^# >>> $slug >>>\$/d" -e "/^# <<< $slug <<<\$/d" -e "\,^$ours\$,d" \
            "$bashrc" >"$beside" || return
    # The line end that we added, unless something was written below the block since.
    [ -e "$state/unended" ] && [ "$last" = "# <<< $slug <<<" ] || return 0
    size=$(wc -c <"$beside") && cp -p "$beside" "$beside.more" &&
        head -c $((size - 1)) "$beside.more" >"$beside" && rm -f "$beside.more"
}

bashrc_out() { # put that in its place: as it would be now
    bashrc_alone
    bashrc_less && bashrc_replace
    status=$?
    bashrc_let_go
    return $status
}

bashrc_replace() {
    [ -n "$beside" ] || return 0
    if [ -s "$beside" ] || [ ! -e "$state/bashrc-made" ]; then
        mv -f "$beside" "$bashrc"
    else
        rm -f "$beside" "$bashrc"
    fi
}
