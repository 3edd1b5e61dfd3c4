# Where things lie on the remote, and small helpers. Needs: slug, project (its id), dir.
# Every program of ours begins with this file.

umask 077
LC_ALL=C
export LC_ALL
# What a .bashrc may have set would lead git to another repository than the project's.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY \
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE GIT_PREFIX GIT_CONFIG \
    GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT
tab='	' # a tab: most of what is kept and said is fields between tabs
base=remote-lab/$slug # below .config, .local/state and the like: no other program has it
state=$HOME/.local/state/$base
current=$state/current
code=$HOME/$dir

settle() { # PATH...: have the disk hold all that was written in those file systems
    # Without this, a power cut within the next half minute can leave each new file
    # there, by its name, and empty.
    told=$(sync -f "$@" 2>&1) && return
    printf '%s\n' "$told" >&2
    case $told in
    # Old and small ones do not know -f: they bring all disks up to date.
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
