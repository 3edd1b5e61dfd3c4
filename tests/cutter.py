"""A relay between ssh and sshd that cuts the connection after a number of bytes.

Each side sees the other hang up, as when a network goes: what was on its way is lost.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: close at once


class Cutter:
    """A relay on 127.0.0.1; use it as a context manager.

    Attributes:
        port: Where it listens.
        sent: Bytes that went "up" to the sshd, or "down", since `arm` or `disarm`.
    """

    def __init__(self, port: int) -> None:
        """Listen.

        Args:
            port: The sshd's.
        """
        self._there = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.sent = {"up": 0, "down": 0}
        self._limit: dict[str, int] = {}
        self._closed = False  # whether nobody is let in
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def arm(self, way: str, limit: int) -> None:
        """Count anew, and cut once.

        Args:
            way: "up" to the sshd, or "down" from it.
            limit: Cut when so many bytes have gone this way.
        """
        with self._lock:
            self.sent = {"up": 0, "down": 0}
            self._limit = {way: limit}

    def close(self) -> None:
        """Cut all connections, and let nobody in."""
        self._closed = True
        self.hang_up()

    def disarm(self) -> None:
        """Let everything through, and count anew."""
        with self._lock:
            self.sent = {"up": 0, "down": 0}
            self._limit = {}
            self._closed = False

    def hang_up(self) -> None:
        """Cut all connections."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for end in (end for pair in pairs for end in pair):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                here.close()
                continue
            there = socket.create_connection(("127.0.0.1", self._there))
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.add((here, there))
            for way, ends in {"up": (here, there), "down": (there, here)}.items():
                threading.Thread(
                    target=self._pass, args=(way, *ends, (here, there)), daemon=True
                ).start()

    def _pass(
        self,
        way: str,
        source: socket.socket,
        sink: socket.socket,
        pair: tuple[socket.socket, socket.socket],
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                cut = False
                with self._lock:
                    limit = self._limit.get(way)
                    if limit is not None:
                        left = limit - self.sent[way]
                        cut = len(data) >= left
                        data = data[:left]
                    self.sent[way] += len(data)
                    if cut:
                        self._limit = {}
                sink.sendall(data)
                if cut:
                    self.hang_up()
                    return
        self._drop(pair)

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
