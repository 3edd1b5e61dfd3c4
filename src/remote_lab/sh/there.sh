# What ./remote does without uv: on a remote, `./remote pairs`, by the project's own
# environment. Arguments: the project's folder, and what was typed.

cd "$1" || exit
shift
# Else it is a laptop, whose environment may have other packages.
if [ ! -e .venv/.remote-lab-stamp ]; then
    echo "There is no uv here, and no environment that a push has built. Nothing was done."
    echo "  On a laptop: install uv (https://docs.astral.sh/uv)"
    echo "  On a remote: type ./remote push on your laptop"
    exit 1
elif [ "$1" != pairs ]; then
    echo "This is a remote, and ./remote $1 is for your laptop: type it there. Nothing was done."
    echo "  Here: ./remote pairs"
    exit 2
fi >&2
exec .venv/bin/python remote_lab/pairs "$@"
