# Complete a checkout that was cut off: each file that is as it was before, or that git
# has left half written, gets its new content; what was changed since is kept.
#   $work/not-old, $work/not-new    paths that are not here as in the commit before, or as
#                                   in the one that was coming
#   $work/gone, $work/write         those to delete, those to write
# Names with control characters, quotes or backslashes come quoted, as git has them; such
# a file is kept unless git itself can tell what it is.
# Needs: state.sh, lock.sh, code.sh.

code_repair() {
    begin
    code_cut || return 0
    code_idle || fail 1 atwork
    code_unlock
    code_unparted "$to" "$new"
    cd "$code" || exit
    before=$old
    [ "$old" != none ] || before=$(git hash-object -t tree /dev/null)
    code_compare && code_away && code_choose && code_write && code_point ||
        fail 1 nowrite "$code"
    settle "$code" && rm -f "$switching" || fail 1 nowrite "$code"
}

code_idle() { # whether no git is at work in it, such as one that outlived its push
    tries=0
    while code_busy; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || return
        sleep 0.1
    done
}

code_busy() {
    for process in /proc/[0-9]*; do
        # In POSIX since 2024, see places.sh.
        # shellcheck disable=SC3013
        [ "$process/cwd" -ef "$code" ] && read -r name 2>/dev/null <"$process/comm" &&
            [ "$name" = git ] && return
    done
    return 1
}

code_unlock() { # what the dead git held, and what a power cut has emptied
    for left in HEAD index "refs/heads/$to" "refs/remote-lab/$to"; do
        rm -f "$code/.git/$left.lock"
        [ -s "$code/.git/$left" ] || rm -f "$code/.git/$left"
    done
    # Without it, git takes the folder for no repository.
    [ -e "$code/.git/HEAD" ] || echo "ref: refs/heads/$to" >"$code/.git/HEAD"
}

code_compare() { # what is here, with the commit before and with the one that was coming
    code_tree_diff A >"$work/comes" && code_tree_diff D | sort >"$work/goes" &&
        code_differs "$before" >"$work/differs" && code_differs "$new" >"$work/differs2" &&
        sort "$work/differs" "$work/comes" >"$work/not-old" &&
        sort "$work/differs2" >"$work/not-new"
}

code_tree_diff() { # A or D: which files the commit that was coming adds, or deletes
    git -c core.quotePath=false diff-tree -r --no-renames --name-only \
        --diff-filter="$1" "$before" "$new"
}

code_differs() { # TREE: which of its files are not here as they are there
    (
        GIT_INDEX_FILE=$work/index
        export GIT_INDEX_FILE
        rm -f "$work/index"
        git read-tree "$1" || exit
        git update-index -q --refresh >/dev/null
        git -c core.quotePath=false diff-files --name-only
    )
}

code_away() { # with the files that the commit before had alone
    comm -12 "$work/goes" "$work/not-old" >"$work/changed" &&
        comm -23 "$work/goes" "$work/not-old" >"$work/gone" || return
    while IFS= read -r path; do
        code_way "$path" && { [ -f "$path" ] || [ -h "$path" ]; } || continue
        if [ -h "$path" ] || [ -s "$path" ]; then
            say edited "?? $path"
        else
            printf '%s\n' "$path" >>"$work/gone" || return
        fi
    done <"$work/changed"
    set --
    while IFS= read -r path; do
        ! code_way "$path" || set -- "$@" "./$path"
    done <"$work/gone"
    [ $# -eq 0 ] || rm -f "$@" || return
    for path; do
        # Folders that hold something else stay.
        case ${path#./} in */*) rmdir -p "${path%/*}" 2>/dev/null ;; esac
    done
    return 0
}

code_choose() { # which files to write
    comm -23 "$work/not-new" "$work/not-old" >"$work/chosen" &&
        comm -12 "$work/not-new" "$work/not-old" >"$work/neither" || return
    while IFS= read -r path; do
        # A changed one is left; the state that is reported next names it.
        ! code_dead "$path" || printf '%s\n' "$path" || return
    done <"$work/neither" >>"$work/chosen"
    while IFS= read -r path; do
        code_way "$path" || continue
        # Folders of what was deleted may stand in its place, if nothing else is there.
        [ -h "$path" ] || [ ! -d "$path" ] || rmdir "$path" 2>/dev/null || continue
        printf '%s\n' "$path" || return
    done <"$work/chosen" >"$work/write"
}

code_dead() { # PATH: whether it is missing, empty, or the beginning of what was coming
    case $1 in \"*) return 1 ;; esac
    [ -e "$1" ] || [ -h "$1" ] || return 0
    [ -f "$1" ] && [ ! -h "$1" ] || return
    [ -s "$1" ] || return 0
    # What is killed, or cut, in a write leaves whole pages.
    size=$(($(wc -c <"$1")))
    [ $((size % 4096)) -eq 0 ] || return
    git cat-file --filters "$new:$1" 2>/dev/null | head -c $size | cmp -s - "$1"
}

code_way() { # PATH: the folders that lead there are folders, or not there: no links
    way=$1
    while case $way in */*) ;; *) false ;; esac; do
        way=${way%/*}
        [ ! -h "$way" ] && { [ -d "$way" ] || [ ! -e "$way" ]; } || return
    done
}

code_write() { # the index, and the files
    rm -f .git/index && git read-tree "$new" &&
        git checkout-index -q -f -u --stdin <"$work/write" || return
    git update-index -q --refresh >/dev/null
    return 0
}

code_point() { # the branch, HEAD, and what was pushed
    git update-ref "refs/heads/$to" "$new" && git symbolic-ref HEAD "refs/heads/$to" &&
        git update-ref "refs/remote-lab/$to" "$new"
}
