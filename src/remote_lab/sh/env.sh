# The project's environment, ~/<dir>/.venv: what a remote has for building it, and the
# build. Needs: state.sh; to build, lock.sh and: expected (see same_push), stamp,
# decisive (the files that decide what is in it), and what each function names.

wheels=$HOME/.cache/$base/wheels
own_uv=$HOME/.local/share/$base/bin/uv
# A build that was killed may leave a part of a package, which uv takes for installed.
unfinished=$state/env.unfinished
# A module system or an active environment may have set these; uv would follow them.
unset VIRTUAL_ENV CONDA_PREFIX UV_PROJECT_ENVIRONMENT PYTHONPATH PYTHONHOME

env_needs() { # report what is there. Needs: url, of a file that the build would fetch;
    # about_python and can_fetch, the programs of those names
    say system "$(uname -s)" "$(uname -m)"
    if libc=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
        say libc glibc "${libc#* }"
    else
        say libc musl "$(ldd 2>&1 | sed -n 's/^Version //p')"
    fi
    for found in "$(command -v uv)" "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv" \
        "$own_uv"; do
        [ ! -x "$found" ] || say uv "$found" "$("$found" --version 2>/dev/null)"
    done
    python_paths | while IFS= read -r found; do
        "$found" -c "$about_python" 2>/dev/null
    done
    ! online || say online
    for found in "$wheels"/*.whl; do
        [ ! -e "$found" ] || say held "${found##*/}" $(($(wc -c <"$found")))
    done
}

python_paths() { # every interpreter that may be suitable; first the one in use
    [ ! -e "$code/.venv/pyvenv.cfg" ] || echo "$code/.venv/bin/python"
    command -v python3
    printf '%s\n' "$PATH" | tr : '\n' | while IFS= read -r folder; do
        for found in "$folder"/python3.[0-9] "$folder"/python3.[0-9][0-9]; do
            [ ! -x "$found" ] || printf '%s\n' "$found"
        done
    done
    for found in "$HOME"/.local/share/uv/python/cpython-3*/bin/python3; do
        [ ! -x "$found" ] || printf '%s\n' "$found"
    done
}

online() { # whether $url can be fetched from here, through a proxy if one is set
    [ -n "$url" ] || return
    if command -v curl >/dev/null; then
        curl -fsIL -m 5 -o /dev/null "$url" 2>/dev/null
    elif command -v wget >/dev/null; then
        timeout 5 wget -q --spider "$url" 2>/dev/null
    else
        timeout 5 python3 -c "$can_fetch" "$url" 2>/dev/null
    fi
}

env_sync() { # build from the internet. Needs: uv (empty: the one that was sent),
    # package (the project's name, if it is a package)
    env_begin pyvenv.cfg
    # Its data files may have changed where its version has not.
    logged "$uv" sync --frozen --group lab \
        ${package:+--reinstall-package "$package"} || env_failed
    env_end
}

env_bring() { # build from what was sent. Needs: uv, python, version, package; files in
    # $work are requirements.txt, incoming (FILE<tab>WHEEL), wanted (SUM<tab>WHEEL, all)
    env_begin pyvenv.cfg
    wheels_in || fail 1 nowrite "$wheels"
    UV_OFFLINE=1 UV_NO_INDEX=1 UV_FIND_LINKS=$wheels UV_PYTHON_DOWNLOADS=never
    # Nobody else can use what is unpacked here: it is removed with the project.
    UV_CACHE_DIR=${UV_CACHE_DIR:-$HOME/.cache/$base/uv}
    export UV_OFFLINE UV_NO_INDEX UV_FIND_LINKS UV_PYTHON_DOWNLOADS UV_CACHE_DIR
    about='import platform; print(platform.python_version())'
    if [ "$(.venv/bin/python -c "$about" 2>/dev/null)" != "$version" ]; then
        env_clear
        logged "$uv" venv -q --python "$python" .venv || env_failed
    fi
    if ! logged "$uv" pip sync --python .venv --require-hashes \
        "$work/requirements.txt"; then
        damaged_out
        env_failed
    fi
    if [ -n "$package" ]; then
        logged "$uv" pip install --python .venv --no-deps --reinstall -e . ||
            env_failed
    fi
    for held in "$wheels"/*; do
        cut -f 2 "$work/wanted" | grep -qxF "${held##*/}" || rm -f "$held"
    done
    env_end
}

wheels_in() { # add the new wheels to the others; the cache may be on another disk
    mkdir -p "$wheels" || return
    while IFS=$tab read -r number file; do
        mv "$work/$number" "$wheels/$file.part" &&
            mv "$wheels/$file.part" "$wheels/$file" || return
    done <"$work/incoming"
}

damaged_out() { # delete damaged wheels: they must not count as present
    while IFS=$tab read -r sum file; do
        there=$(sha256sum <"$wheels/$file")
        [ "${there%% *}" = "$sum" ] || rm -f "$wheels/$file"
    done <"$work/wanted"
}

env_conda() { # build with conda, mamba or micromamba
    env_begin conda-meta
    PATH=$PATH:$HOME/.local/bin:$HOME/bin:$HOME/miniforge3/bin:$HOME/mambaforge/bin
    PATH=$PATH:$HOME/miniconda3/bin:$HOME/anaconda3/bin:/opt/conda/bin
    for tool in micromamba mamba conda; do
        ! command -v "$tool" >/dev/null || break
    done
    command -v "$tool" >/dev/null || fail 1 noconda
    CONDA_ALWAYS_YES=true MAMBA_ALWAYS_YES=true
    export CONDA_ALWAYS_YES MAMBA_ALWAYS_YES
    if [ -e .venv/conda-meta ]; then action=update; else action=create; fi
    case $tool-$action in
    micromamba-create) set -- create ;;
    # Its update ignores what is new in the file.
    micromamba-update) set -- install ;;
    *-create) set -- env create ;;
    *-update) set -- env update --prune ;;
    esac
    logged "$tool" "$@" --prefix "$code/.venv" --file environment.yml || env_failed
    env_end
}

env_begin() { # FILE: what this kind of environment has in .venv
    begin
    same_push
    uv=${uv:-$own_uv}
    cd "$code" 2>/dev/null || fail 1 nocode
    # shellcheck disable=SC2086
    there=$(git ls-tree HEAD -- $decisive 2>/dev/null | sha256sum)
    [ "${there%% *}" = "$stamp" ] || fail 1 othercode
    runs_programs || fail 1 noexec
    uv_in || fail 1 nowrite "$own_uv"
    if [ -e "$unfinished" ] || [ ! -e ".venv/$1" ]; then env_clear; fi
    rm -f .venv/.remote-lab-stamp
    : >"$unfinished" && settle "$state" || fail 1 nowrite "$state"
}

runs_programs() { # whether programs in .venv can be run; a home may be noexec
    probe=.git/runs
    [ ! -h .venv ] || probe=.venv/runs
    : >"$probe" && chmod 700 "$probe" || fail 1 nowrite "$code"
    [ -x "$probe" ]
    set -- $?
    rm -f "$probe"
    return "$1"
}

env_clear() { # delete .venv; if it is a link, such as to a larger disk, keep the link
    if [ -h .venv ]; then
        find .venv/ -mindepth 1 -delete
    else
        rm -rf .venv
    fi
}

uv_in() { # install our own uv, if one was sent. Needs then: uv_sum
    [ -e "$work/uv.gz" ] || return 0
    mkdir -p "${own_uv%/*}" && gzip -dc "$work/uv.gz" >"$own_uv.part" || return
    arrived=$(sha256sum <"$own_uv.part") && [ "${arrived%% *}" = "$uv_sum" ] &&
        chmod 755 "$own_uv.part" && mv -f "$own_uv.part" "$own_uv"
}

logged() { # COMMAND...: run it, report its output line by line; return its status
    { "$@" 2>&1; echo $? >"$work/status"; } | tee "$work/log" |
        while IFS= read -r line; do say log "$line"; done
    read -r status <"$work/status" && return "$status"
}

env_failed() {
    # Unless uv reports this or was killed, it was only fetching: .venv is complete.
    [ "${status:-137}" -gt 2 ] || [ ! -e .venv/pyvenv.cfg ] ||
        grep -q -e "Failed to install" -e "Failed to uninstall" "$work/log" ||
        rm -f "$unfinished"
    fail 1 failed
}

env_end() {
    # The stamp says that all is complete: so all must be on the disk before the stamp.
    settle .venv/ && printf '%s\n' "$stamp" >.venv/.remote-lab-stamp &&
        settle .venv/ || fail 1 nowrite "$code/.venv"
    rm -f "$unfinished"
}
