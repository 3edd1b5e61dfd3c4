"""Running POSIX sh on a remote: through the system's ssh, or in the sandbox's folder.

A program travels on standard input, never on the command line: the login shell of
the account, be it fish or csh, sees one constant word list. So ssh can be on its way
before it is known what is to run: it takes longer than all that we have to prepare.
"""

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from remote_lab.errors import Broken, Dropped, Problem, Refused, Unreachable, get
from remote_lab.settings import Project, Remote
from remote_lab.sshconf import ask, ssh_config

if TYPE_CHECKING:
    from remote_lab.parcel import Parcel

SH = Path(__file__).parent / "sh"
# Runs the line that it is sent, less the knock (Session.begin), if it arrived whole. It
# has to look like one of ours: what a .bashrc that reads leaves of our stream is not to
# be run. And a bash may have been told by its environment (SHELLOPTS) to be strict.
LISTEN = (
    "set +efuC; IFS= read -r l || l=;"
    ' case "$l" in exec*) IFS= read -r l || l=;; esac;'
    ' case "$l" in ": "*) eval "$l";; *) echo eaten; exit 1;; esac'
)
# What keeps a .bashrc away from programs that come by ssh.
GUARD = "Have ~/.bashrc there begin with: case $- in *i*) ;; *) return ;; esac"
# How ssh says that a connection died: all that we sent may have arrived, and the mark
# been lost on its way back.
DIED = re.compile("closed|reset by|disconnect|Broken pipe|not responding")
Record = tuple[str, ...]
# More than this is no answer: it would only fill this machine's memory.
MOST = 64 * 2**20
Take = Callable[[Record], object]
Write = Callable[[IO[bytes]], object]
# Where sshd drops logins (MaxStartups), the mean seconds to wait before each new try.
PAUSES = (0.5, 1, 2, 4, 8)


def number(text: str) -> int:
    """A number that a remote told; 0 where it told something else."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0


def program(*files: str, values: Mapping[str, str], main: str = "") -> str:
    """One sh program out of some of ours, with its values set first.

    Args:
        *files: Names in sh/, without the suffix, in order.
        values: Variables to set before; any text is quoted safely.
        main: The last line: what to run.
    """
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines += [(SH / f"{name}.sh").read_text(encoding="utf-8") for name in files]
    return "\n".join([*lines, main, ""])


class Session:
    """One program that runs on a remote, and what it says.

    Its output counts from a random mark on: what a .bashrc prints comes before.
    """

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.remote = connection.remote
        self._mark = os.urandom(8).hex()
        # A file and not a pipe: the master that ssh may leave in the background
        # keeps it open, and would keep us waiting.
        self._errors = _nameless_file(connection.project.state)
        self.process = subprocess.Popen(
            connection.argv(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=connection.env(),
        )
        self.stdin: IO[bytes] = self.process.stdin  # type: ignore[assignment]
        self.marked = False
        self.most = MOST
        self._noise = b""  # the last line before the mark
        self._writer: threading.Thread | None = None
        self._unsent: BaseException | None = None  # why not all was sent
        self._lacking: list[str] = []  # the programs that are not there

    def begin(self, line: str) -> None:
        """Say what is to run: a line of sh, which may read what is sent after it."""
        # The knock, a first line: a .bashrc may have put another shell in the place of
        # our sh, and that takes its input for commands. So the sh is its first command.
        knock = f"exec sh -c '{LISTEN}'"
        with suppress(BrokenPipeError):  # ssh gave up before: end() tells why.
            self.stdin.write(f"{knock}\n: ; echo {self._mark}; {line}\n".encode())
            self.stdin.flush()

    def send(self, write: Write) -> None:
        """Give the program its standard input, whole, while its output is read.

        A .bashrc may print more than fits into a pipe before it comes to our program.
        """
        self._writer = threading.Thread(target=self._send, args=(write,), daemon=True)
        self._writer.start()

    def _send(self, write: Write) -> None:
        try:
            with suppress(BrokenPipeError):
                write(self.stdin)
        except BaseException as error:
            self._unsent = error
        finally:
            with suppress(BrokenPipeError):
                self.stdin.close()

    def records(self) -> Iterator[Record]:
        """The lines after the mark, as they come, each split at its tabs.

        Raises:
            Problem: There is no end of them.
        """
        assert self.process.stdout
        left = self.most
        while raw := self.process.stdout.readline(left):
            left -= len(raw) + 100  # what a short one takes in memory
            if left <= 0:
                raise Problem(
                    f"{self.remote.name} sends more than an answer can hold.",
                    "What was under way there may be done, or not.",
                    "See what is wrong there: " + self.connection.shell("uptime"),
                )
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if self.marked and line.startswith("lacks "):
                self._lacking = line.split()[1:]
            elif self.marked:
                yield tuple(line.split("\t"))
            self.marked = self.marked or line.endswith(self._mark)
            self._noise = raw

    def end(self) -> int:
        """Wait for the end.

        Returns:
            The program's exit status.

        Raises:
            Unreachable: ssh itself failed: what explain makes of it.
            Problem: The program never began, or lacks what it needs.
        """
        status = self.process.wait()
        if self._writer:
            self._writer.join()
        if self._unsent:
            raise self._unsent
        errors = self.errors()
        # ssh's own failure; or what ran here, ssh or the sandbox's sh, was killed.
        if status < 0 or (status == 255 and not self.remote.sandbox):
            raise explain(self.connection, errors, begun=self.marked)
        if not self.marked:
            raise self._not_run(status, errors)
        if self._lacking:
            programs = " ".join(self._lacking)
            raise Problem(
                f"{self.remote.name} lacks what a push needs: {programs}.",
                "Nothing was changed there.",
                f"{get(self._lacking)}   If they are there, mend the PATH that the"
                " account sets.",
            )
        return status

    def _not_run(self, status: int, errors: str) -> Problem:
        """The error where something else ran than our program, or nothing."""
        name = self.remote.name
        noise = self._noise.decode("utf-8", "replace").strip()
        lines = [line for line in errors.splitlines() if re.search("[a-z]{3}", line)]
        said = "; ".join(line[-200:] for line in (noise, *lines[-1:]) if line)
        if noise == "eaten":
            what = f"Something on {name} reads, or closes, the input of our program."
            todo = f"{GUARD}   (it holds a read, cat, ssh or exec for terminals alone)"
        elif "sftp" in said:
            what = f"This account of {name} takes sftp alone, and runs no commands."
            todo = "Ask who runs it for an account that does."
        elif re.search(r"\bsh: .*(not found|no such file)", said, re.IGNORECASE):
            what = f"{name} finds no sh. It said: {said}"
            todo = "Mend the PATH that ~/.bashrc there sets."
        else:
            told = f"It said: {said}" if said else "It said nothing."
            what = f"{name} did something else than run our program. {told}"
            todo = (
                f"{GUARD}   (it exits, or starts another shell; a login shell other"
                " than bash has another such file). Or is the account bound to a fixed"
                " command (ForceCommand, command= in authorized_keys)? Ask for one that"
                " is not."
            )
        # Our program itself may have run, unheard.
        still = "Nothing was changed there." if status else "What it did is not known."
        todo += "\nThis must say hello: " + self.connection.shell("echo hello")
        return Problem(what, still, todo)

    def errors(self) -> str:
        """What ssh and the program wrote to standard error."""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2**16))
        text = self._errors.read().decode("utf-8", "replace")
        # ssh says so of every key that it is told to take, and it is no error.
        return re.sub("(?m)^Warning: Permanently added .*\n", "", text).strip()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        if self._writer:
            self._writer.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._errors.close()


# What was dialled, by the remote's name, and has nothing to run yet.
_dialled: dict[str, Session] = {}


def hang_up() -> None:
    """Give up what was dialled, where nothing is to run after all."""
    while _dialled:
        _dialled.popitem()[1].__exit__()


class Connection:
    """The way to one remote.

    Args:
        project: The project.
        remote: Which of its remotes.
        ask: Whether ssh may ask for a password or a code.
    """

    def __init__(self, project: Project, remote: Remote, ask: bool = True) -> None:
        self.project = project
        self.remote = remote
        self._ask = ask

    def verb(self, words: str) -> str:
        """What to type for one of our verbs on this remote, with its name if needed."""
        name = f" {self.remote.name}" if len(self.project.remotes) > 1 else ""
        return f"./remote {words}{name}"

    def shell(self, command: str) -> str:
        """What to type to run a command on this remote."""
        if self.remote.sandbox:
            return f"(cd {shlex.quote(str(self.home()))} && {command})"
        if not re.fullmatch(r"[\w./ =-]+", command):
            command = shlex.quote(command)  # for two shells
        return f"ssh {self.remote.host} {command}"

    def argv(self) -> list[str]:
        """The command of this machine that has the remote listen for a line of sh."""
        # No single quote, `!`, newline or backslash in it: some login shells would
        # take them for their own.
        command = f"exec sh -c '{LISTEN}'"
        if self.remote.sandbox:
            if not sys.platform.startswith("linux"):
                raise Problem(
                    "The sandbox plays a Linux machine, and this is none.",
                    "Nothing was changed.",
                    "Answer with a real remote: copier update -d remote_host=HOST",
                )
            return ["sh", "-c", command]
        return [*self.ssh(), self.remote.host, command]

    def dial(self) -> None:
        """Begin to connect, for the next that is to run: what that is comes later."""
        if self.remote.name not in _dialled:
            _dialled[self.remote.name] = Session(self)

    def run(self, text: str, most: int = MOST) -> tuple[int, list[Record]]:
        """Run a program to its end.

        Args:
            text: POSIX sh. It is read whole before any of it runs.
            most: How many bytes it may answer.

        Returns:
            Its exit status and its records.

        Raises:
            Unreachable: The remote can't be reached.
        """
        records: list[Record] = []
        wrapped = f"{{\n{text}\nexit\n}} </dev/null\n".encode()
        status, _ = self._talk(
            "exec sh -s", lambda stream: stream.write(wrapped), records.append, most
        )
        return status, records

    def deliver(
        self,
        parcel: "Parcel",
        take: Take,
        *,
        dry: bool = False,
        write: Write | None = None,
    ) -> tuple[int, str]:
        """Run a program that comes with files.

        Args:
            parcel: The files, and the program. It runs in the home, with $work the
                folder of the files, once all has arrived; it must call `begin`
                (lock.sh) before it changes anything.
            take: Is given each record, as it comes.
            dry: Unpack in a temporary folder.
            write: In place of parcel.write.

        Returns:
            Its exit status, and what it wrote to standard error.

        Raises:
            Broken: The connection broke: the program may have finished.
            Unreachable: The remote can't be reached.
        """
        line = parcel.line(self.project.slug, dry)
        return self._talk(line, write or parcel.write, take)

    def _talk(
        self, line: str, write: Write, take: Take, most: int = MOST
    ) -> tuple[int, str]:
        for pause in (*PAUSES, None):
            self.dial()
            with _dialled.pop(self.remote.name) as session:
                session.most = most
                session.begin(line)
                session.send(write)
                for record in session.records():
                    take(record)
                try:
                    return session.end(), session.errors()
                except Dropped:
                    if pause is None:
                        raise
            # Not all at once again.
            time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        raise AssertionError

    def ssh(self) -> list[str]:
        """The ssh command with this project's configuration, less the Host."""
        quiet = [] if self._ask else ["-o", "BatchMode=yes"]
        return ["ssh", "-F", str(ssh_config(self.project)), "-T", *quiet]

    def env(self) -> dict[str, str] | None:
        """The environment for argv: the sandbox's own, or None for this one."""
        if not self.remote.sandbox:
            return None
        kept = re.compile(
            "PATH|LANG|USER|LOGNAME|TMPDIR|SSL_CERT_.*|UV_.*|.*_PROXY", re.IGNORECASE
        )
        home = self.home()
        home.mkdir(parents=True, exist_ok=True)
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if kept.fullmatch(name)
            },
            "HOME": str(home),
            # It is the same machine: what uv has fetched need not come again.
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR")
            or str(Path.home() / ".cache" / "uv"),
        }

    def home(self) -> Path:
        """The folder that plays the remote's home: a sandbox alone has one."""
        return self.project.root / ".sandbox" / self.remote.name


def _nameless_file(folder: Path) -> IO[bytes]:
    """A file that is gone once it is closed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"said.{os.getpid()}.{os.urandom(4).hex()}"
    file = path.open("x+b")
    path.unlink()
    return file


def _forget(connection: Connection) -> str:
    """What to type so that ssh forgets a remote's host key.

    Not from ssh's own words: a remote's banner may imitate them.
    """
    told = ask(["-F", str(ssh_config(connection.project)), connection.remote.host])
    port = told.get("port", ["22"])[0]
    name = told.get("hostname", [""])[0].lower()
    name = told.get("hostkeyalias", [name if port == "22" else f"[{name}]:{port}"])[0]
    lines = [
        shlex.join(["ssh-keygen", "-R", name, "-f", file])
        for file in map(os.path.expanduser, told["userknownhostsfile"][0].split())
        if not subprocess.run(
            ["ssh-keygen", "-F", name, "-f", file], check=False, capture_output=True
        ).returncode
    ]
    # It may be another's on the way there: a jump host's.
    return "; ".join(lines) or f"ssh-keygen -R, as ssh says: {connection.shell('exit')}"


def explain(connection: Connection, errors: str, begun: bool = False) -> Unreachable:
    """What ssh's complaint means, and what to do about it.

    Args:
        connection: The way that ssh was to take.
        errors: What ssh wrote to standard error.
        begun: Whether our program had begun to run there.
    """
    host = connection.remote.host
    broken = Broken(
        f"The connection to {host} broke.",
        "The same command again: it goes on from what is there.",
        still="What was under way there may be done, or not.",
    )
    if begun:
        return broken
    last = errors.splitlines()[-1] if errors else "ssh ended without a word"
    if "IDENTIFICATION HAS CHANGED" in errors:
        return Unreachable(
            f"{host} shows another host key than it did before: it was set up anew,"
            " or something stands between you and it.",
            f"Ask who runs it whether the key changed; if so: {_forget(connection)}",
        )
    if "Host key verification failed" in errors:
        return Unreachable(
            f"The host key of {host} could not be checked.",
            f"Log in once by hand and look at the key: ssh {host}",
        )
    if re.search("(kex|ssh)_exchange_identification", errors):
        return Dropped(
            f"{host} hangs up at once, each time: {last}",
            f"It may be busy, or bar this laptop for a while. Try later: ssh -v {host}",
        )
    if "Permission denied" in errors or "Too many authentication" in errors:
        return Refused(
            f"{host} is there, but does not let you in: {last}",
            f"Bring your key there: {connection.verb('install')}   (or check User and"
            f" IdentityFile: ssh -v {host})",
        )
    if "open refused by peer" in errors or "open failed" in errors:
        return Unreachable(
            f"{host} lets you in, but opens no session: {last}",
            "Its sshd allows a login no session, or not as many (MaxSessions): ask who"
            f" runs it. This must say hello: ssh {host} echo hello",
        )
    if not errors or DIED.search(last):
        return broken
    return Unreachable(
        f"{host} can't be reached: {last}",
        f"Is it on, and are you on the right network? Try: ssh -v {host}",
    )
