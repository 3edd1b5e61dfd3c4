# Runs a program, unless it would find nothing to do: `sh hook.sh refresh PROGRAM...` if a
# notebook or script has changed since all were in step, `sh hook.sh commit PROGRAM...`
# also if one is staged. Python would need five times as long to say no.

each() { # how each file looks from outside, as record.py notes it
    find notebooks -name '.*' -prune -o -type f \( -name '*.py' -o -name '*.ipynb' \) \
        "$@" 2>/dev/null
}

untouched() { # since all pairs were in step
    settled=${GIT_DIR:-.git}/remote-lab-settled
    [ -f "$settled" ] || return
    # GNU's find, which tells ten digits of the seconds, or BSD's stat, which tells nine.
    { each -printf '%p %C@ %s %i\n' || each -exec stat -f '%N %Fc0 %z %i' {} +; } |
        LC_ALL=C sort | cmp -s - "$settled"
}

unlinked() { # no links are left of a time when git ignored the notebooks: see links.py
    own=${GIT_DIR:-.git}
    [ ! -d "$own/remote-lab/notebooks/main" ] &&
        [ ! -d "$own/../../remote-lab/notebooks/worktrees/${own##*/}" ]
}

idle() { # Where git has the notebooks, it brings them itself: only what is staged counts.
    if grep -q '^notebooks_in_git = "scripts"' remote.toml; then untouched; else unlinked; fi
}

if idle && { [ "$1" = refresh ] || git diff --cached --quiet -- notebooks; }; then
    exit 0
fi
shift
exec "$@"
