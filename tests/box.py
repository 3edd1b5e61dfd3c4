"""The box: a real remote to test against, booted in seconds, with no way out.

A Debian with systemd as PID 1 and sshd, in systemd-nspawn over an overlay of
the built image. It hangs on a cable (veth) of its own: this machine reaches the
box's sshd at `box.address`, the box reaches this machine, and nothing else.

    with Box() as box:
        ada = box.add_user("ada", laptop.key)
        laptop.run("ssh", f"ada@{box.address}", "systemctl --user status")

Each box takes a numbered slot of the machine, held by a file lock. Names,
addresses and folders follow from the number, so that boxes never meet, and what
a killed run left in a slot whose lock is free is known to be nobody's.
"""

from __future__ import annotations

import fcntl
import ipaddress
import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from image import image
from process import Completed, run, wait_until

STATE = Path("/var/lib/remote-lab-tests")
SLOTS = 64

# The first of these that this machine has no route into gets four addresses a
# slot. 198.18.0.0/15 is set aside for tests of networks (RFC 2544).
NETWORKS = ("198.18.0.0/16", "10.213.0.0/16", "172.29.0.0/16")

# Where this machine runs systemd, nspawn gets a control group from it. Elsewhere
# two boxes would share one, and their systemds kill each other's processes: the
# group $2 is made, and entered, in a view ($1) of the whole tree; or removed.
SEE_GROUPS = 'mount -t cgroup2 cgroup2 "$1" && '
ENTER_GROUP = f'{SEE_GROUPS} mkdir -p "$1/$2" && echo $$ >"$1/$2/cgroup.procs"'
REMOVE_GROUP = f"""{SEE_GROUPS}
    if [ -d "$1/$2" ]; then find "$1/$2" -depth -type d -exec rmdir {{}} +; fi"""
HAS_SYSTEMD = Path("/run/systemd/system").exists()

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Account:
    """Somebody's account on a box."""

    box: Box
    name: str
    home: str

    def sh(self, command: str, check: bool = True, timeout: float = 60) -> Completed:
        """Run *command* as this account: `Box.sh`."""
        return self.box.sh(command, user=self.name, check=check, timeout=timeout)


class Slot:
    """A number that only one box of this machine has at a time."""

    def __init__(self) -> None:
        """Take the first free slot, and clean up after those who died in theirs.

        Raises:
            RuntimeError: All slots are taken.
        """
        STATE.mkdir(mode=0o700, exist_ok=True)
        for number in range(SLOTS):
            self._lock = os.open(STATE / f"{number}.lock", os.O_CREAT | os.O_WRONLY)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                continue
            self.folder = STATE / str(number)
            self.namespace = f"remote-lab-{number}"
            self.cable = f"rlab{number}"  # an interface's name has 15 letters at most
            self.addresses = _addresses(number)
            self.sweep()
            return
        raise RuntimeError(f"all {SLOTS} slots for boxes are taken: see {STATE}")

    def sweep(self) -> None:
        """End every process of this slot and remove what it has on this machine.

        Whoever runs in the slot's network namespace belongs to the slot: nothing
        is ever looked for by its name.
        """
        if Path("/run/netns", self.namespace).exists():
            wait_until(self._kill, f"the processes of {self.namespace} to end")
            if not HAS_SYSTEMD:
                # The last of them are still on their way out of it.
                wait_until(self._remove_group, f"the group {self.namespace} to go")
            # The cable goes with the namespace that holds its other end.
            run(["ip", "netns", "delete", self.namespace])
        if self.folder.exists():
            self._discard()

    def release(self) -> None:
        """Let another box have this slot."""
        os.close(self._lock)

    def _kill(self) -> bool:
        """Kill what runs in the slot; tell whether nothing did."""
        pids = run(["ip", "netns", "pids", self.namespace]).stdout.split()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return not pids

    def _discard(self) -> None:
        """Have the folder deleted, with what killed runs left half deleted.

        In the background: once it is on disk, a box with an environment or two
        has 20,000 files, and to delete them can take a minute.
        """
        self.folder.rename(STATE / f"gone-{self.folder.name}-{time.time_ns()}")
        gone = [str(folder) for folder in STATE.glob("gone-*")]
        run(["sh", "-c", 'rm -rf "$@" </dev/null >/dev/null 2>&1 &', "sh", *gone])

    def _remove_group(self) -> bool:
        script = ["sh", "-c", REMOVE_GROUP, "sh", str(self.folder / "root")]
        done = run(["unshare", "--mount", *script, self.namespace], check=False)
        return done.returncode == 0


class Box:
    """One box. Use it as a context manager, or call `start` and `stop`."""

    user_home = "/home"
    port = 22

    def __init__(self) -> None:
        """Take a slot; nothing runs before `start`."""
        self._image = image()
        self._slot = Slot()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        # Never one twice: else an account would own what one before left in /tmp.
        self._uids = itertools.count(2001)
        self.address = str(self._slot.addresses[1])

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make the file system and the network, boot, and wait until sshd answers.

        Raises:
            TimeoutError: The box does not come up; the message holds its console.
            CommandFailed: A command of the machine failed, such as `ip`.
        """
        for name in ("upper", "work", "root"):
            # The upper folder is the box's /, which everyone there must enter.
            (self._slot.folder / name).mkdir(parents=True)
            (self._slot.folder / name).chmod(0o755)
        self._make_host_key()
        self._make_network()
        self._boot()

    def stop(self) -> None:
        """Switch the box off at once and remove all traces of it."""
        self._slot.sweep()
        if self._nspawn:
            self._nspawn.wait(timeout=30)
        self._slot.release()

    def reboot(self, power_cut: bool = False) -> None:
        """Boot again, with the file system as it is.

        Args:
            power_cut: Stop everything at once, instead of an orderly shutdown.

        Raises:
            TimeoutError: It does not go down, or does not come up again.
        """
        assert self._nspawn
        if power_cut:
            os.kill(self._leader, signal.SIGKILL)
        else:
            # Where the machine itself runs systemd, nspawn would boot again by
            # itself after a reboot, and here it would not: so down, then up.
            self.sh("systemctl poweroff --no-block")
        try:
            self._nspawn.wait(timeout=120)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"the box does not go down:\n{self.logs()}") from error
        self._boot()

    def sh(
        self,
        command: str,
        user: str = "root",
        *,
        input: str | None = None,
        check: bool = True,
        timeout: float = 60,
    ) -> Completed:
        """Run a line of POSIX sh inside, with no ssh between.

        Root's runs even where sshd or systemd is broken. Another user's runs in
        a login session (PAM, XDG_RUNTIME_DIR, `systemctl --user`), whatever the
        login shell; what it leaves in the background goes on.

        Args:
            command: The line.
            user: Whose.
            input: Text for its stdin.
            check: Whether a status other than 0 raises.
            timeout: Seconds until it is given up.

        Raises:
            CommandFailed: The status was not 0, and *check* is set.
            subprocess.TimeoutExpired: It took longer than *timeout*.
        """
        argv = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "--"]
        # To the box's systemd, a process outside its control groups is a stranger.
        join = 'echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs; exec "$@"'
        argv += ["sh", "-c", join, "sh", "nsenter", "-t", "1", "--cgroup"]
        argv += ["env", "-i", f"PATH={SYSTEM_PATH}"]
        argv += ["HOME=/root", "USER=root", "LANG=C.UTF-8"]
        if user == "root":
            argv += ["sh", "-c", f"cd; {command}"]
        else:
            argv += ["su", "--login", "--shell=/bin/sh", "-c", command, "--", user]
        return run(argv, input=input, check=check, timeout=timeout)

    def add_user(
        self,
        name: str,
        pubkey: str = "",
        shell: str = "/bin/bash",
        sudo: Literal["nopasswd"] | None = None,
    ) -> Account:
        """Make an account.

        Args:
            name: Its name.
            pubkey: The line for its authorized_keys; none if empty.
            shell: Its login shell: bash, dash, zsh, fish, csh and busybox are there.
            sudo: "nopasswd": it may do everything as root, unasked.

        Raises:
            CommandFailed: The box refused the account.
        """
        home = f"{self.user_home}/{name}"
        uid = next(self._uids)
        self.sh(f"useradd -m -u {uid} -s {shlex.quote(shell)} -- {name}")
        if pubkey:
            # The redirection is root's: the file changes hands afterwards.
            self.sh(
                f"umask 077; mkdir {home}/.ssh; cat >{home}/.ssh/authorized_keys; "
                f"chown -R {name}: {home}/.ssh",
                input=pubkey,
            )
        if sudo == "nopasswd":
            rule = f"{name} ALL=(ALL:ALL) NOPASSWD: ALL"
            self.sh(f"umask 227; echo {shlex.quote(rule)} >/etc/sudoers.d/{name}")
        return Account(self, name, home)

    def remove_user(self, account: Account) -> None:
        """End all that *account* runs, lingering or not, and delete it."""
        self.retire_user(account)
        self.sh(f"! id {account.name} || userdel -rf {account.name} 2>/dev/null")

    def retire_user(self, account: Account) -> None:
        """End all that *account* runs, and leave its files: they go with the box.

        To delete an environment of 20,000 files can take a minute.
        """
        name = account.name
        self.sh(
            f"uid=$(id -u {name}) || exit 0; rm -f /etc/sudoers.d/{name} "
            f"/var/lib/systemd/linger/{name}; pkill -KILL -u $uid; "
            f"for unit in user@$uid.service user-runtime-dir@$uid.service; do "
            f"systemctl stop $unit; systemctl reset-failed $unit 2>/dev/null || :; done"
        )

    def logs(self) -> str:
        """Return the end of the console and of the journal, to read in a failure."""
        console = self._console.read_text(errors="replace")
        journal = "the box is down"
        if self._nspawn and self._nspawn.poll() is None and self._leader:
            shown = self.sh("journalctl --no-pager -n 80", check=False)
            journal = shown.stdout + shown.stderr
        return f"{console}\n{journal}"

    @property
    def _console(self) -> Path:
        return self._slot.folder / "console"

    def _make_host_key(self) -> None:
        """Give the box a host key, so that to ssh each box is a host of its own."""
        folder = self._slot.folder / "upper" / "etc" / "ssh"
        folder.mkdir(parents=True)
        for made in (folder, folder.parent):
            made.chmod(0o755)
        key = folder / "ssh_host_ed25519_key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)])

    def _make_network(self) -> None:
        name, cable = self._slot.namespace, self._slot.cable
        here, there = self._slot.addresses
        inside = ["ip", "-n", name]
        run(["ip", "netns", "add", name])
        other_end = ["peer", "name", "host0", "netns", name]
        run(["ip", "link", "add", cable, "type", "veth", *other_end])
        run(["ip", "address", "add", f"{here}/30", "dev", cable])
        run(["ip", "link", "set", cable, "up"])
        run([*inside, "address", "add", f"{there}/30", "dev", "host0"])
        run([*inside, "link", "set", "host0", "up"])
        run([*inside, "link", "set", "lo", "up"])

    def _boot(self) -> None:
        self._leader = 0
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                self._boot_command(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        late = "the box to {}\n{}".format
        wait_until(self._has_leader, lambda: late("boot", self.logs()))
        wait_until(self._is_running, lambda: late("be running", self.logs()), 90)
        wait_until(self._greets, lambda: late("answer by ssh", self.logs()))

    def _boot_command(self) -> list[str]:
        folder, namespace = self._slot.folder, self._slot.namespace
        layers = f"lowerdir={self._image},upperdir={folder}/upper,workdir={folder}/work"
        nspawn = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={folder}/root",
            "--boot",
            f"--network-namespace-path=/run/netns/{namespace}",
            f"--machine={namespace}",
            "--hostname=box",
            "--register=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=pipe",
        ]
        root = f"{folder}/root"
        steps = [shlex.join(["mount", "-t", "overlay", "overlay", "-o", layers, root])]
        if not HAS_SYSTEMD:
            nspawn.append("--keep-unit")
            steps.insert(0, f'{ENTER_GROUP} && umount "$1"')
        script = " && ".join([*steps, f"exec {shlex.join(nspawn)}"])
        # The mount is made in a mount namespace of nspawn's own: it ends with it,
        # however that may be. The network namespace marks nspawn as the slot's.
        enter = ["nsenter", f"--net=/run/netns/{namespace}", "unshare", "--mount"]
        enter += ["env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1"]
        return [*enter, "sh", "-c", script, "sh", root, namespace]

    def _has_leader(self) -> bool:
        """Find the box's PID 1 among nspawn's children."""
        assert self._nspawn
        if self._nspawn.poll() is not None:
            raise RuntimeError(f"systemd-nspawn ended:\n{self.logs()}")
        nspawn = self._nspawn.pid
        with suppress(OSError):  # a helper of nspawn's may be gone by now
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text()
            for pid in children.split():
                status = Path(f"/proc/{pid}/status").read_text()
                if f"NSpid:\t{pid}\t1\n" in status:
                    self._leader = int(pid)
        return self._leader != 0

    def _is_running(self) -> bool:
        """Wait for the end of the boot; degraded is up, too, as on many servers."""
        done = self.sh("systemctl is-system-running --wait", check=False, timeout=90)
        return done.stdout.strip() in ("running", "degraded")

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), 1) as sshd:
                return sshd.recv(4) == b"SSH-"
        except OSError:
            return False


def _addresses(number: int) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]:
    """Return this machine's address on the cable of a slot, and the box's.

    Raises:
        RuntimeError: The machine has routes into every network we know.
    """
    shown = json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"]).stdout)
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in shown
        if route["dst"] != "default" and not route.get("dev", "").startswith("rlab")
    ]
    for network in map(ipaddress.IPv4Network, NETWORKS):
        if not any(network.overlaps(other) for other in taken):
            subnets = list(network.subnets(new_prefix=30))
            here, there = subnets[number].hosts()
            return here, there
    raise RuntimeError(f"this machine has routes into all of {NETWORKS}")
