"""The sandbox's tunnel: what `ssh -L` does, between two places on this machine.

A process of its own: main() of this module, with the words PORT TARGET LOCKFILE.
TARGET is a socket's path or host:port.
"""

import asyncio
import sys
from pathlib import Path

from remote_lab.lab import background


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
    with background.hold(Path(path)):
        asyncio.run(relay(port, target))
