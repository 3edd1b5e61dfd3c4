# After a connection broke: whether the command of the name $id was done.
# Needs: state.sh, lock.sh, id.

result() { # reports push ID, undo ID, off, gone and kept
    # The command may still be running. Without a lock yet, it unpacks, or it ended.
    for left in "$state/in.$host".*."$id"; do
        pid=${left%.*} tries=0
        while [ -e "$left" ] && started "${pid##*.}" && [ $tries -lt 50 ]; do
            tries=$((tries + 1))
            sleep 0.2
        done
    done
    # With the lock, it holds it to its end.
    while holder=$(readlink "$state/lock") && [ "${holder##*:}" = "$id" ] &&
        alive "$holder"; do
        sleep 0.2
    done
    say push "$(cat "$current/id" 2>/dev/null)"
    say undo "$(cat "$current/undo" 2>/dev/null)"
    [ -h "$current" ] || say off
    [ -e "$state/links" ] || say gone
    [ ! -e "$HOME/$slug.kept.$id" ] || say kept "$slug.kept.$id"
}
