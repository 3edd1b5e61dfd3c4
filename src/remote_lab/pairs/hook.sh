# Runs a program, unless it would find nothing to do: `sh hook.sh refresh PROGRAM...` if a
# notebook or script has changed since all were in sync, `sh hook.sh commit PROGRAM...`
# also if one is staged. Python would need five times as long to say no.
# It does not read remote.toml, as that takes a TOML parser: record.py notes what follows
# from it, and how the file looked.

own=${GIT_DIR:-.git}

each() { # PATH...: how each file looks from outside, as record.py notes it
    set -- "$@" -name '.*' -prune -o -type f \
        \( -name '*.py' -o -name '*.ipynb' -o -path remote.toml \)
    # GNU's find, which tells ten digits of the seconds, or BSD's stat, which tells nine.
    { find "$@" -printf '%p %C@ %s %i\n' || find "$@" -exec stat -f '%N %Fc0 %z %i' {} +; } \
        2>/dev/null
}

untouched() { # since all pairs were in sync
    [ -f "$own/remote-lab-settled" ] || return
    set -- remote.toml
    [ ! -d notebooks ] || set -- "$@" notebooks
    each "$@" | LC_ALL=C sort | cmp -s - "$own/remote-lab-settled"
}

left_to_git() { # it has the notebooks and brings them itself: only what is staged counts
    [ -f "$own/remote-lab-both" ] &&
        each remote.toml | cmp -s - "$own/remote-lab-both" &&
        # No links are left of a time when git ignored the notebooks: see links.py.
        [ ! -d "$own/remote-lab/notebooks/main" ] &&
        [ ! -d "$own/../../remote-lab/notebooks/worktrees/${own##*/}" ]
}

if { left_to_git || untouched; } &&
    { [ "$1" = refresh ] || git diff --cached --quiet -- notebooks; }; then
    exit 0
fi
shift
exec "$@"
