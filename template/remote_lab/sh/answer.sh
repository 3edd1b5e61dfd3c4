# A lab that answers: wait until it does, report where, its log, set its password.
# Needs: state.sh, lab.sh; for lab_logs: lines, follow; for lab_password: password.

lab_wait() { # until it listens: a first start on a slow disk imports a great deal
    [ -x "$code/.venv/bin/python" ] || fail 1 noenv
    tries=0 former=''
    lab_pid || former=$(lab_last)
    until lab_pid && lab_listens; do
        # One that was started since, and has ended, will not listen however long we wait.
        last=$(lab_last)
        [ "$last" = "$former" ] || kill -0 "$last" 2>/dev/null || not_running
        tries=$((tries + 1))
        [ $tries -lt 900 ] || not_running
        sleep 0.1
    done
}

lab_last() { # the pid of the last lab that was started, whether it runs or not
    sed -n 's/^pid=//p' "$state/lab.addr" 2>/dev/null
}

not_running() { # with the last lines that it wrote
    last=$(tail -n 5 "$state/lab.log" 2>/dev/null | tr '\t' ' ')
    set -- notrunning
    while IFS= read -r line; do set -- "$@" "$line"; done <<END
$last
END
    fail 1 "$@"
}

lab_listens() { # where lab.addr says; where Linux hides its ports, the client finds out
    while IFS='=' read -r key value; do
        case $key in
        socket) [ -S "$value" ] || return ;;
        port) [ ! -r /proc/net/tcp ] || port_is_the_labs "$value" || return ;;
        esac
    done <"$state/lab.addr"
}

port_is_the_labs() { # PORT: whether $server listens there; ends here if another does
    hex=$(printf %04X "$1")
    # Of each that listens there: its address, and from column 5 on the rest.
    listener=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        sed -n "s/^ *[0-9]*: \([0-9A-F]*\):$hex [0-9A-F]*:[0-9A-F]* 0A /\1 /p")
    [ -n "$listener" ] || return
    # The kernel gives a connection to the one that is bound to this very address.
    inode=$(printf '%s\n' "$listener" | while read -r bound _ _ _ _ _ node _; do
        [ "$bound" != 0100007F ] || echo "$node"
    done)
    # Of all that is there, only the socket that the lab's own process holds is its.
    # shellcheck disable=SC2010,SC2012
    [ -n "$inode" ] && ls -l "/proc/$server/fd" 2>/dev/null |
        grep -qF "socket:[$inode]" || fail 1 foreign "$1"
}

lab_address() { # what the laptop needs for the tunnel and the browser
    lab_pid && lab_listens || not_running
    while IFS='=' read -r key value; do say "$key" "$value"; done <"$state/lab.addr"
    say token "$(cat "$state/token")"
}

lab_logs() { # the last $lines lines that it wrote, after a record that they follow
    if [ ! -e "$state/lab.log" ]; then
        [ -e "$HOME/.config/$base/lab" ] || fail 1 nohome
        [ -x "$code/.venv/bin/python" ] || fail 1 noenv
        fail 1 nolog
    fi
    say logs
    [ "$follow" = no ] || exec tail -n "$lines" -F "$state/lab.log"
    tail -n "$lines" "$state/lab.log"
}

lab_password() { # keep $password, hashed as jupyter_server does, where it looks
    cd "$code" && [ -x .venv/bin/python ] || fail 1 noenv
    config=$HOME/.local/share/$base/jupyter/jupyter_server_config.json
    mkdir -p "${config%/*}" &&
        printf %s "$password" | .venv/bin/python -c "$hash_password" "$config" ||
        fail 1 nowrite "$config"
}

# Beside what else the user may have set in that file.
hash_password='
import json, os, sys
from jupyter_server.auth import passwd
path = sys.argv[1]
config = json.load(open(path)) if os.path.exists(path) else {}
hashed = passwd(sys.stdin.read())
config.setdefault("PasswordIdentityProvider", {})["hashed_password"] = hashed
with open(path + ".new", "w") as file:
    json.dump(config, file, indent=2)
os.replace(path + ".new", path)
'
