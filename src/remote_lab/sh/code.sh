# The project's code on the remote: a working clone that only pushes move on. What each
# branch was pushed to is kept as refs/remote-lab/BRANCH, which the laptop has too.
# A checkout that was cut off, which $switching records, is completed by repair.sh.
# Needs: state.sh; for code_switch: lock.sh, branch, commit, expected (see same_push),
# found (the commit that was reported to the laptop), author, email, and $work/code.bundle.

switching=$code/.git/remote-lab-switching # OLD NEW BRANCH, as long as it is under way
following=$code/.git/remote-lab-following # there until the notebooks follow the scripts
pairs=$state/pairs.pyz # the program that keeps notebooks and scripts in sync

in_code() { git --no-optional-locks -C "$code" "$@"; }

code_state() { # what the laptop has to know before it sends anything
    if ! command -v git >/dev/null; then
        say code nogit
    elif code_cut; then # what differs then is nobody's edit
        say code ours "$old" "$to"
        say cut
    elif [ "$(in_code config remote-lab.slug 2>/dev/null)" = "$slug" ]; then
        head=$(in_code rev-parse -q --verify HEAD) || head=none
        say code ours "$head" "$(in_code symbolic-ref -q --short HEAD)"
        in_code -c core.quotePath=false status --porcelain -uno |
            while IFS= read -r line; do say edited "$line"; done
    elif [ -n "$(ls -A "$code" 2>/dev/null)" ]; then
        say code foreign
    else
        say code absent
    fi
    [ ! -e "$following" ] || say following
    say stamp "$(cat "$code/.venv/.remote-lab-stamp" 2>/dev/null)"
    [ ! -e "$pairs" ] || say pairs_program "$(sha256sum <"$pairs")"
}

code_cut() { # whether a checkout was cut off, or is under way: sets old, new and to
    read -r old new to 2>/dev/null <"$switching" && [ -n "$to" ] || return
    # Who has put HEAD elsewhere since has taken over. After a power cut it may be empty.
    case $(in_code rev-parse -q --verify HEAD 2>/dev/null) in
    '' | "$old" | "$new") ;;
    *) return 1 ;;
    esac
}

code_make() { # the clone, whole at once: without its slug, it would not be ours
    # Outside the home, on another disk perhaps: from $work, mv would copy file by file.
    case $dir in /*) clone=${code%/*}/.remote-lab-$project ;; *) clone=$work/clone ;; esac
    mkdir -p "$code" && rm -rf "$clone" &&
        git init -q "$clone" && git -C "$clone" config remote-lab.slug "$slug" &&
        settle "$clone" && rmdir "$code" && mv "$clone" "$code"
}

identity_in() { # who commits there, where git does not know: in a terminal of the lab
    for key in name email; do
        case $key in name) value=$author ;; *) value=$email ;; esac
        [ -z "$value" ] || [ -n "$(in_code config "user.$key")" ] ||
            in_code config "user.$key" "$value"
    done
}

code_switch() { # fetch the commits, and check them out
    begin
    same_push
    pairs_in
    [ -e "$code/.git" ] || code_make || fail 1 nowrite "$code"
    ! code_cut || fail 1 cut
    head=$(in_code rev-parse -q --verify HEAD) || head=none
    [ "$head" = "$found" ] || fail 1 overtaken
    if [ -e "$work/code.bundle" ]; then
        in_code fetch -q "$work/code.bundle" HEAD || fail 1 nowrite "$code"
    fi
    code_unparted "$branch" "$commit"
    echo "$head $commit $branch" >"$switching" && : >"$following" && settle "$code" || fail 1 nowrite "$code"
    # Neither what git ignores nor what it does not know is overwritten.
    if ! in_code checkout -q --no-overwrite-ignore -B "$branch" "$commit" -- \
        2>"$work/why"; then
        why=$(tr '\n\t' '  ' <"$work/why")
        case $why in
        # Of these git knows before it begins.
        *"be overwritten"* | *"would lose"* | *"index.lock': File exists"*) ;;
        # On a full disk, it stops half-way.
        *) [ -z "$(in_code status --porcelain -uno)" ] || fail 1 half "$why" ;;
        esac
        rm -f "$switching"
        fail 3 dirty "$why"
    fi
    identity_in
    in_code update-ref "refs/remote-lab/$branch" "$commit" || fail 1 nowrite "$code"
    settle "$code" && rm -f "$switching" || fail 1 nowrite "$code"
    say switched "$commit"
}

code_program() { # install the program for pairs only: the commits are here already
    begin
    same_push
    pairs_in
    say switched "$commit"
}

pairs_in() { # replace the program for pairs by the one that came
    [ -e "$work/pairs.pyz" ] || return 0
    settle "$work" && mv -f "$work/pairs.pyz" "$pairs" || fail 1 nowrite "$state"
}

code_unparted() { # BRANCH COMMIT: to go there loses no commit
    former=$(in_code rev-parse -q --verify "refs/remote-lab/$1")
    # Commits made here, on a branch that is not checked out now, are in no other place.
    at=$(in_code rev-parse -q --verify "refs/heads/$1") &&
        ! in_code merge-base --is-ancestor "$at" "$2" &&
        ! in_code merge-base --is-ancestor "$at" "${former:-$2}" &&
        fail 3 parted "$1"
}

code_notebooks() { # update them from the scripts that came; one that was changed stays
    code_pairs refresh && [ -x "$code/.venv/bin/python" ] && rm -f "$following"
    return 0
}

code_pairs() { # WORD: run the program pairs, if it is there; sets output, what it reports
    cd "$code" 2>/dev/null && [ -x .venv/bin/python ] && [ -e "$pairs" ] || return 0
    output=$(.venv/bin/python -I "$pairs" "$1" 2>&1 >/dev/null)
    status=$?
    [ -z "$output" ] || printf '%s\n' "$output" |
        while IFS= read -r line; do say note "$line"; done
    return $status
}

code_check() { # whether each notebook has the cells of its script
    ! code_cut || return 0
    if code_pairs check; then say pairs yes; else say pairs no; fi
}

code_save() { # commit what was edited here, and send what the laptop lacks
    [ -e "$code/.git" ] || fail 1 absent
    ! code_cut || fail 1 cut
    code_pairs sync # what was edited in a notebook alone comes home, too
    cd "$code" || exit
    if [ -n "$(git status --porcelain)" ]; then
        name=${author%% <*} email=${author##*<}
        why=$(git add -A 2>&1 && git -c user.name="$name" -c user.email="${email%>}" \
            commit -q --no-verify -m "$message" 2>&1) ||
            fail 1 why "$(echo "$why" | tr '\n\t' '  ')"
        settle "$code"
    fi
    say commit "$(git rev-parse HEAD)" "$(git symbolic-ref -q --short HEAD)"
    # Where the laptop is ahead, what was pushed here is the best guess.
    git cat-file -e "$known^{commit}" 2>/dev/null || known=--glob=refs/remote-lab
    set -- HEAD --not "$known"
    [ -z "$(git rev-list -n 1 "$@")" ] || git bundle create -q - "$@" | base64 |
        while read -r line; do say bundle "$line"; done
}
