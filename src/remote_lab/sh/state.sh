# Where things lie on the remote, and small helpers. Needs: slug, project (its id), dir.
# Every program of ours begins with this file.

umask 077
LC_ALL=C
export LC_ALL
# A .bashrc may have set these, which would lead git to another repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY \
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE GIT_PREFIX GIT_CONFIG \
    GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT
tab='	' # a tab: most of what is kept and said is fields between tabs
base=remote-lab/$slug # below .config, .local/state and the like: no other program has it
state=$HOME/.local/state/$base
current=$state/current
case $dir in /*) code=$dir ;; *) code=$HOME/$dir ;; esac

settle() { # PATH...: sync the file systems that have these paths
    # Without this, a power cut within the next half minute can leave each new file
    # there, by its name, and empty.
    output=$(sync -f "$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    case $output in
    # Old and small versions do not have -f: they sync all disks.
    *option* | *[Uu]sage*) sync ;;
    *) return 1 ;;
    esac
}

say() { # KEY [FIELD...]: one record for the laptop
    line=$1
    shift
    for field; do line=$line$tab$field; done
    printf '%s\n' "$line"
}

fail() { # CODE KEY [FIELD...]: a last record, and the end
    status=$1
    shift
    say "$@"
    exit "$status"
}

same_project() { # else end here: another project of that name is not to be replaced
    other=$project
    [ ! -s "$state/project" ] || read -r other <"$state/project" || return 0
    [ "$other" = "$project" ] || fail 1 otherproject
}
same_project
