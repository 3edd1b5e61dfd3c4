"""A home directory of its own for a program that asks the system where home is.

OpenSSH and others ignore $HOME and read the passwd entry. libnss_wrapper, loaded
into them, answers from a passwd file of ours: this user, with another home. No
root needed, and the real home is never read or written.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from process import wait_until

# Where a lab's sockets are if its home has too long a path.
RUN = re.compile(rb"/tmp/remote-lab-\d+-\w+")


class Home:
    """A temporary home, and what makes programs believe in it."""

    def __init__(self, kind: str, shell: str = "/bin/bash", name: str = "home") -> None:
        """Make the folder.

        Args:
            kind: A short word, whose first letter is in the folder's name.
            shell: The login shell that the passwd entry names.
            name: What the home itself is called.
        """
        # Not below pytest's long folders: sockets (ControlPath, tmux, the lab)
        # live in a home, and a socket's path has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix=kind[0]))
        self.path = self.folder / name
        self.path.mkdir(mode=0o700)
        self._passwd = self.folder / "passwd"
        self._group = self.folder / "group"
        self._passwd.write_text(
            "".join(self._entry(user, shell) for user in pwd.getpwall())
        )
        self._group.write_text(
            "".join(
                f"{group.gr_name}:x:{group.gr_gid}:{','.join(group.gr_mem)}\n"
                for group in grp.getgrall()
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a process that is to live in this home."""
        return {
            "HOME": str(self.path),
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(self._passwd),
            "NSS_WRAPPER_GROUP": str(self._group),
        }

    def remove(self) -> None:
        """End what still runs in this home, such as a ControlMaster, and delete it."""
        wait_until(self._kill, f"the processes of {self.path} to end")
        self._remove_sockets()
        shutil.rmtree(self.folder)

    def _remove_sockets(self) -> None:
        """Remove what killed labs of this home, and of its sandboxes, leave in /tmp."""
        for home in (self.path, *self.path.glob("*/.sandbox/*")):
            for note in home.glob(".local/state/remote-lab/*/lab.addr"):
                for folder in RUN.findall(note.read_bytes() if note.is_file() else b""):
                    shutil.rmtree(os.fsdecode(folder), ignore_errors=True)

    def _entry(self, user: pwd.struct_passwd, shell: str) -> str:
        """Return the passwd line for *user*, changed if that is who we are."""
        home = user.pw_dir
        if user.pw_uid == os.geteuid():
            home = str(self.path)
        else:
            shell = user.pw_shell
        name, uid, gid = user.pw_name, user.pw_uid, user.pw_gid
        return f"{name}:x:{uid}:{gid}:{user.pw_gecos}:{home}:{shell}\n"

    def pids(self, words: str = "") -> list[int]:
        """Return what runs in this home.

        The mark is a variable that holds this folder's random name: only what was
        started from here can have it. A lab of a sandbox has it in HOME alone.

        Args:
            words: Only what has these in its command line.
        """
        names = ("NSS_WRAPPER_PASSWD", "HOME")
        marks = tuple(os.fsencode(f"{name}={self.folder}/") for name in names)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                variables = (process / "environ").read_bytes().split(b"\0")
                if any(variable.startswith(marks) for variable in variables):
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    if words.encode() in line:
                        found.append(int(process.name))
            except OSError:  # gone, or another user's
                pass
        return found

    def send(self, number: int, words: str = "") -> list[int]:
        """Send a signal to what runs in this home: all of it, or as `pids` has it."""
        pids = self.pids(words)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def _kill(self) -> bool:
        """Kill what runs in this home; tell whether nothing did."""
        return not self.send(signal.SIGKILL)
