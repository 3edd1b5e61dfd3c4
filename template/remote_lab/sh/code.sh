# The project's code on the remote: a working clone that only pushes move on. What each
# branch was pushed to is kept as refs/remote-lab/BRANCH, which the laptop has too.
# Needs: state.sh; for code_switch: lock.sh, branch, commit, and $work/code.bundle.

in_code() { git --no-optional-locks -C "$code" "$@"; }

code_state() { # what the laptop has to know before it sends anything
    if ! command -v git >/dev/null; then
        say code nogit
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
    say stamp "$(cat "$code/.venv/.remote-lab-stamp" 2>/dev/null)"
}

code_make() { # the clone, whole at once: without its slug, it would not be ours
    git init -q "$work/clone" && git -C "$work/clone" config remote-lab.slug "$slug" &&
        mkdir -p "$code" && rmdir "$code" && mv "$work/clone" "$code"
}

code_switch() { # take the commits in, and put the working tree on them
    begin
    [ -e "$code/.git" ] || code_make || fail 1 nowrite "$code"
    pushed=refs/remote-lab/$branch
    former=$(in_code rev-parse -q --verify "$pushed")
    if [ -e "$work/code.bundle" ]; then
        in_code fetch -q "$work/code.bundle" HEAD || fail 1 nowrite "$code"
    fi
    # Commits made here, on a branch that is not checked out now, are in no other place.
    at=$(in_code rev-parse -q --verify "refs/heads/$branch") &&
        ! in_code merge-base --is-ancestor "$at" "$commit" &&
        ! in_code merge-base --is-ancestor "$at" "${former:-$commit}" &&
        fail 3 parted "$branch"
    # Neither what git ignores nor what it does not know is overwritten.
    in_code checkout -q --no-overwrite-ignore -B "$branch" "$commit" -- 2>"$work/why" ||
        fail 3 dirty "$(tr '\n\t' '  ' <"$work/why")"
    in_code update-ref "$pushed" "$commit" || fail 1 nowrite "$code"
    say switched "$commit"
}

code_notebooks() { # they follow the scripts that came; one that was edited stays
    cd "$code" && [ -x .venv/bin/python ] || return 0
    .venv/bin/python remote_lab/pairs refresh 2>&1 |
        while IFS= read -r line; do say note "$line"; done
}

code_save() { # commit what was edited here, and send what the laptop lacks
    [ -e "$code/.git" ] || fail 1 absent
    cd "$code" || exit
    if [ -n "$(git status --porcelain)" ]; then
        name=${author%% <*} email=${author##*<}
        why=$(git add -A 2>&1 && git -c user.name="$name" -c user.email="${email%>}" \
            commit -q --no-verify -m "$message" 2>&1) ||
            fail 1 why "$(echo "$why" | tr '\n\t' '  ')"
    fi
    say commit "$(git rev-parse HEAD)" "$(git symbolic-ref -q --short HEAD)"
    git cat-file -e "$known^{commit}" 2>/dev/null || known='' # the laptop is ahead
    set -- HEAD --not --glob=refs/remote-lab ${known:+"$known"}
    [ -z "$(git rev-list -n 1 "$@")" ] || git bundle create -q - "$@" | base64 |
        while read -r line; do say bundle "$line"; done
}
