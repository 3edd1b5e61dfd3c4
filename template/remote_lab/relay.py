"""The sandbox's tunnel: what `ssh -L` does, between two places on this machine.

Run as a program: relay.py PORT TARGET LOCKFILE, with TARGET a socket's path or
host:port. It holds a lock on its file as long as it runs, with its pid inside.
"""

import asyncio
import fcntl
import os
import sys
from pathlib import Path


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the end, then say so to the other side."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


async def relay(port: int, target: str) -> None:
    """Listen on a port of the loopback and carry each connection to the target."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if target.startswith("/"):
                there = await asyncio.open_unix_connection(target)
            else:
                host, _, number = target.rpartition(":")
                there = await asyncio.open_connection(host, int(number))
        except OSError:  # the lab is down for now: the browser tries again
            writer.close()
            return
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))
        writer.close()
        there[1].close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Take the lock, note the pid, and relay."""
    port, target, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with Path(path).open("a", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        asyncio.run(relay(port, target))


if __name__ == "__main__":
    main()
