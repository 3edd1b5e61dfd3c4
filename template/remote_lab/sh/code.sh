# The project's code on the remote: a working clone that only pushes move on.
# Needs: state.sh; for code_switch: lock.sh, branch, and $work/code.bundle.

code_state() { # what the laptop has to know before it sends anything
    if ! command -v git >/dev/null; then
        say code nogit
    elif [ "$(git -C "$code" config remote-lab.slug 2>/dev/null)" = "$slug" ]; then
        head=$(git -C "$code" rev-parse -q --verify HEAD) || head=none
        say code ours "$head" "$(git -C "$code" symbolic-ref -q --short HEAD)"
        git -C "$code" -c core.quotePath=false status --porcelain -uno |
            while IFS= read -r line; do say edited "$line"; done
    elif [ -n "$(ls -A "$code" 2>/dev/null)" ]; then
        say code foreign
    else
        say code absent
    fi
    say stamp "$(cat "$code/.venv/.remote-lab-stamp" 2>/dev/null)"
}

code_switch() { # take the commits in, and put the working tree on them
    begin
    if [ ! -e "$code/.git" ]; then
        mkdir -p "$code" && git -C "$code" init -q &&
            git -C "$code" config remote-lab.slug "$slug" || fail 1 nowrite "$code"
    fi
    git -C "$code" fetch -q "$work/code.bundle" +HEAD:refs/remote-lab/pushed ||
        fail 1 nowrite "$code"
    # checkout refuses to overwrite a file that somebody has put there meanwhile.
    git -C "$code" checkout -q -B "$branch" refs/remote-lab/pushed -- 2>"$work/why" ||
        fail 3 dirty "$(tr '\n' ' ' <"$work/why")"
    say switched "$(git -C "$code" rev-parse HEAD)"
}

code_save() { # commit what was edited here, and send what the laptop lacks
    [ -e "$code/.git" ] || fail 1 absent
    cd "$code" || exit
    if [ -n "$(git status --porcelain)" ]; then
        name=${author%% <*} email=${author##*<}
        why=$(git add -A 2>&1 && git -c user.name="$name" -c user.email="${email%>}" \
            commit -q --no-verify -m "$message" 2>&1) ||
            fail 1 why "$(echo "$why" | tr '\n' ' ')"
    fi
    # The laptop may be ahead by commits that were not pushed: then all are sent.
    git cat-file -e "$known^{commit}" 2>/dev/null && known=^$known || known=''
    [ "$(git rev-parse HEAD)" = "${known#^}" ] ||
        git bundle create -q - HEAD ${known:+"$known"} | base64 |
        while read -r line; do say bundle "$line"; done
    say commit "$(git rev-parse HEAD)"
}
