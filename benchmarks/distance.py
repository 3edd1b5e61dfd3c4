"""A network interface that puts a round trip between this machine and itself.

    python distance.py ROUND_TRIP_MS SSHD_PORT

It makes a TUN device with the address NEAR. What is sent to any other address of its
network comes back half a round trip later with source and destination exchanged: so
who connects to 10.9.0.7 meets the sshd that listens on NEAR, and is met as 10.9.0.7.
(The exchange leaves the checksums right, being sums.)

All else is the kernel's own TCP, with what it costs on a long way: the handshake,
Nagle's waiting for acknowledgements, slow start. A relay that hands on bytes has none
of it: through one, a login came out five round trips too cheap. Neither throughput nor
loss is modelled.

It wants a network namespace of its own: see push.py. Each line on its input is answered
by the figures since the line before, as JSON; it ends with its input.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import json
import os
import select
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

NEAR = "10.9.0.1"
DEVICE = "distance"
# From linux/if_tun.h.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SYN, TCP = 0x02, 6


def far(number: int) -> str:
    """The address of a remote, counted from 0."""
    return f"10.9.0.{number + 2}"


@dataclass
class Figures:
    """What crossed since it was asked last.

    Attributes:
        connections: How many were opened.
        turns: How often the laptop's side spoke after it had been answered: the longest
            chain of question and answer, over all connections.
        sent: Bytes to the server, with all headers.
        received: Bytes to the laptop.
    """

    connections: int = 0
    turns: int = 0
    sent: int = 0
    received: int = 0


class Distance:
    """The device. `run` goes on until its standard input ends."""

    def __init__(self, delay: float, port: int) -> None:
        self.delay = delay
        self.port = port
        self.figures = Figures()
        # How long the chain is that each side has seen the end of.
        self.laptop_knows = self.server_knows = self._told = 0
        self._due: list[tuple[float, int, bytes, bool, int]] = []
        self._order = itertools.count()
        self.tun = os.open("/dev/net/tun", os.O_RDWR)
        request = struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI)
        fcntl.ioctl(self.tun, TUNSETIFF, request)
        for words in (f"address add {NEAR}/24 dev", "link set up dev"):
            subprocess.run(["ip", *words.split(), DEVICE], check=True)

    def run(self) -> None:
        """Say that it is up, then carry."""
        print("up", flush=True)
        while True:
            # select, whose timeouts are finer than the milliseconds of epoll.
            timeout = None
            if self._due:
                timeout = max(0.0, self._due[0][0] - time.monotonic())
            readable, _, _ = select.select([0, self.tun], [], [], timeout)
            if self.tun in readable:
                self._take(os.read(self.tun, 65536))
            if 0 in readable:
                if not sys.stdin.readline():
                    return
                self._tell()
            while self._due and self._due[0][0] <= time.monotonic():
                self._deliver(*heapq.heappop(self._due)[2:])

    def _take(self, packet: bytes) -> None:
        if packet[0] >> 4 != 4 or packet[9] != TCP:
            return
        moment = time.monotonic() + self.delay
        header = (packet[0] & 15) * 4
        from_laptop = struct.unpack_from("!H", packet, header + 2)[0] == self.port
        speaks = len(packet) > header + (packet[header + 12] >> 4) * 4
        opens = bool(packet[header + 13] & SYN)
        knows = 0
        if speaks or opens:
            knows = self.laptop_knows + 1 if from_laptop else self.server_knows
        if from_laptop:
            self.figures.connections += opens
            self.figures.sent += len(packet)
        else:
            self.figures.received += len(packet)
        turned = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        entry = (moment, next(self._order), turned, from_laptop, knows)
        heapq.heappush(self._due, entry)

    def _deliver(self, packet: bytes, from_laptop: bool, knows: int) -> None:
        if from_laptop:
            self.server_knows = max(self.server_knows, knows)
        else:
            self.laptop_knows = max(self.laptop_knows, knows)
        os.write(self.tun, packet)

    def _tell(self) -> None:
        self.figures.turns = self.laptop_knows - self._told
        print(json.dumps(asdict(self.figures)), flush=True)
        self.figures, self._told = Figures(), self.laptop_knows


if __name__ == "__main__":
    Distance(float(sys.argv[1]) / 2000, int(sys.argv[2])).run()
