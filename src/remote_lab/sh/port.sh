# The port of a lab that listens on one: whether another has it, who, and which is free.
# Needs: state.sh, lab.sh.

lab_port() { # sets port, where the lab should listen; empty where it has a socket
    port=$(sed -n 's/^port=\([0-9]*\)$/\1/p' "$HOME/.config/$base/lab" 2>/dev/null)
    [ -z "$port" ] || [ ! -s "$state/port" ] || read -r port <"$state/port"
}

listeners() { # of each socket that listens: ADDRESS PORT UID INODE, the first two in hex
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk '$4 == "0A" { split($2, at, ":"); print at[1], at[2], $8, $10 }'
}

at_port() { # UID INODE of those on 127.0.0.1:$port, or on all addresses
    listeners | awk -v port="$(printf %04X "$port")" \
        '$2 == port && ($1 ~ /^0+$/ || $1 ~ /0100007F$/) { print $3, $4 }'
}

port_taken() { # whether another than $server has $port: sets taken, its UID INODE
    # In this order: what begins to listen in between would be taken for another's.
    there=$(at_port)
    [ -n "$there" ] || return 1
    own=$(ls -l "/proc/${server:-none}/fd" 2>/dev/null)
    taken=$(echo "$there" | while read -r uid inode; do
        case $own in *"socket:[$inode]"*) ;; *) echo "$uid $inode" && break ;; esac
    done)
    [ -n "$taken" ]
}

port_is_the_labs() { # PORT: whether $server listens there; ends here if another does
    port=$1
    ! port_taken || foreign
    [ -n "$(at_port)" ]
}

port_free() { # where the lab should listen, nobody else does; else end here
    lab_port
    lab_pid || :
    [ -z "$port" ] || ! port_taken || foreign
}

port_set() { # have the lab listen on $wanted from now on
    lab_port
    [ -e "$HOME/.config/$base/lab" ] || fail 1 nohome
    [ -n "$port" ] || fail 1 onsocket
    lab_pid || :
    port=$wanted
    ! port_taken || foreign
    echo "$port" >"$state/port" || fail 1 nowrite "$state/port"
}

port_state() { # report who else has the lab's port, if anybody
    lab_port
    lab_pid || :
    [ -n "$port" ] && port_taken || return 0
    port_holder
    say foreign "$port" "$who" "$program" "$free"
}

foreign() {
    port_holder
    fail 1 foreign "$port" "$who" "$program" "$free"
}

port_holder() { # sets who and, where it can be read, program; and free, the next port
    uid=${taken% *} inode=${taken#* } program=''
    who=$(getent passwd "$uid" 2>/dev/null || grep "^[^:]*:[^:]*:$uid:" /etc/passwd)
    who=${who%%:*}
    [ -n "$who" ] || who="uid $uid"
    # Of other accounts' programs, Linux does not show the sockets.
    [ "$uid" != "$(id -u)" ] || program_of "$inode"
    used=" $(listeners | awk '{ print $2 }' | tr '\n' ' ')"
    free=$port
    while case $used in *" $(printf %04X "$free") "*) ;; *) false ;; esac; do
        free=$((free + 1))
        [ "$free" -lt 65536 ] || free=1024
    done
}

program_of() { # INODE: sets program, the one of this account that has that socket
    for process in /proc/[0-9]*; do
        # shellcheck disable=SC2010
        ls -l "$process/fd" 2>/dev/null | grep -qF "socket:[$1]" || continue
        program=$(cat "$process/comm")
        for other in "${state%/*}"/*/lab.addr; do
            ! grep -qsx "pid=${process##*/}" "$other" || {
                other=${other%/*}
                program="the lab of ${other##*/}"
            }
        done
        return
    done
}
