"""Running POSIX sh on a remote: through the system's ssh, or in the sandbox's folder.

A program is sent on standard input, never on the command line: so the account's login
shell, be it fish or csh, always sees the same words. And ssh can be started before we
know what is to run (dialled): to connect takes longer than to prepare it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from remote_lab.errors import Dropped
from remote_lab.settings import Project, Remote
from remote_lab.transport.process import MOST
from remote_lab.transport.route import Route
from remote_lab.transport.session import OnRecord, Record, Session, Write

# If sshd drops logins (MaxStartups): the mean seconds to wait before each new try.
PAUSES = (0.5, 1, 2, 4, 8)


class Connection(Route):
    """Runs programs on one remote.

    Args:
        project: The project.
        remote: Which of its remotes.
        ask: Whether ssh may ask for a password or a code.

    Attributes:
        printed: What the account's start files print (Session.printed).
    """

    def __init__(self, project: Project, remote: Remote, ask: bool = True) -> None:
        super().__init__(project, remote, ask)
        self.printed = ""
        self._dialled: Session | None = None  # connecting, with nothing to run yet

    @contextmanager
    def dialled(self) -> Iterator[None]:
        """Start to connect now; the first program that is run then uses this.

        If none is run, the connection is closed at the end of the block.
        """
        self._dialled = self._dialled or Session(self)
        try:
            yield
        finally:
            if self._dialled:
                self._dialled.close()
                self._dialled = None

    def run(
        self, text: str, most: int = MOST, on_record: OnRecord | None = None
    ) -> tuple[int, list[Record]]:
        """Run a program to its end.

        Args:
            text: POSIX sh. It is read whole before any of it runs.
            most: How many bytes it may answer.
            on_record: Is called with each record, as it comes; then none is returned.

        Returns:
            Its exit status and its records.

        Raises:
            Unreachable: The remote can't be reached.
            Problem: The program did not run, or did not reach its end.
        """
        records: list[Record] = []
        wrapped = f"{{\n{text}\nexit\n}} </dev/null\n".encode()
        status, _ = self.talk(
            "exec sh -s",
            lambda stream: stream.write(wrapped),
            on_record or records.append,
            most,
        )
        return status, records

    def talk(
        self, line: str, write: Write, on_record: OnRecord, most: int = MOST
    ) -> tuple[int, str]:
        """Run a line of sh, send it its standard input, and read what it reports.

        Args:
            line: POSIX sh, one line.
            write: Writes its standard input; called again where sshd dropped the login.
            on_record: Is called with each record, as it comes.
            most: How many bytes it may answer.

        Returns:
            Its exit status, and what it wrote to standard error.

        Raises:
            Broken: The connection broke: the program may have finished.
            Unreachable: The remote can't be reached.
            Problem: The program did not run, or did not reach its end.
        """
        for pause in (*PAUSES, None):
            session, self._dialled = self._dialled or Session(self), None
            with session:
                session.most = most
                session.begin(line)
                session.send(write)
                for record in session.records():
                    on_record(record)
                self.printed = session.printed
                try:
                    return session.end(), session.errors()
                except Dropped:
                    if pause is None:
                        raise
            self._was_dropped = True
            # With jitter, so that several do not try again at the same moment.
            time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        raise AssertionError
