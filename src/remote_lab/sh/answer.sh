# A lab that answers: wait until it does, report where, its log, set its password.
# Needs: state.sh, lab.sh, port.sh; for lab_logs: lines, follow; for lab_password:
# password, hash_password (the text of hash_password.py).

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

not_running() { # since another has its port, or for what it wrote last
    [ ! -r /proc/net/tcp ] || port_free
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
