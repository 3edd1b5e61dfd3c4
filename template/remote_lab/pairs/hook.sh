# Runs a program, unless it would find nothing to do: `sh hook.sh refresh PROGRAM...` if a
# notebook or script may have changed since all were in step, `sh hook.sh commit
# PROGRAM...` also if one is staged. Python would need ten times as long to say no.
#
# -cnewer: what was renamed, touched or put back is newer, too; what was deleted changes
# its folder.

settled=${GIT_DIR:-.git}/remote-lab-settled
if [ -f "$settled" ] && [ -z "$(find notebooks -cnewer "$settled" 2>&1 | head -n 1)" ]; then
    if [ "$1" = refresh ] || git diff --cached --quiet -- notebooks; then
        exit 0
    fi
fi
shift
exec "$@"
