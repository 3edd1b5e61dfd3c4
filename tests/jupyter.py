"""A lab as its browser page uses it: REST, and the websockets of kernels and terminals.

server = Server(url)
with server.kernel() as kernel:
    assert kernel.run("6 * 7") == "42"
"""

from __future__ import annotations

import itertools
import json
import struct
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from socket import SHUT_RDWR
from threading import Thread
from typing import Any

import websocket

# As JupyterLab's page speaks to a kernel; what the lab keeps for it depends on that.
PROTOCOL = "v1.kernel.websocket.jupyter.org"
Output = dict[str, Any]


class Server:
    """The Jupyter server behind a URL, as `./remote open` prints it."""

    def __init__(self, url: str) -> None:
        self.base, self.token = url.split("/lab?token=")

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Make one request of the REST interface.

        Args:
            path: Below /api/.
            body: What to POST, as JSON; without it, it is a GET.
            method: Another method.

        Raises:
            urllib.error.HTTPError: The server refuses.
        """
        request = urllib.request.Request(
            f"{self.base}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read() or "null")

    @contextmanager
    def kernel(self, name: str = "") -> Iterator[Kernel]:
        """A new kernel, shut down again: the default one, or that of a name."""
        kernel = self.attach(self.ask("kernels", {"name": name} if name else {})["id"])
        try:
            yield kernel
        finally:
            kernel.close()
            self.ask(f"kernels/{kernel.id}", method="DELETE")

    def attach(self, id: str) -> Kernel:
        """Connect to a kernel that runs; its end does not end the kernel."""
        return Kernel(
            id,
            self._connect(
                f"api/kernels/{id}/channels?session_id={uuid.uuid4()}", PROTOCOL
            ),
        )

    @contextmanager
    def terminal(self) -> Iterator[Terminal]:
        """A new terminal, closed again."""
        name = self.ask("terminals", {})["name"]
        socket = self._connect(f"terminals/websocket/{name}")
        try:
            yield Terminal(socket)
        finally:
            socket.close()
            self.ask(f"terminals/{name}", method="DELETE")

    def _connect(self, path: str, *protocols: str) -> websocket.WebSocket:
        return websocket.create_connection(
            f"{self.base.replace('http', 'ws', 1)}/{path}",
            header={"Authorization": f"token {self.token}"},
            subprotocols=list(protocols),
            timeout=60,
        )


class Kernel:
    """A kernel, by its websocket; which answers the lab's pings, as a page does."""

    def __init__(self, id: str, socket: websocket.WebSocket) -> None:
        self.id = id
        self._socket = socket
        self._session = uuid.uuid4().hex
        self._messages: Queue[bytes] = Queue()
        Thread(target=self._listen, daemon=True).start()

    def run(self, code: str) -> str:
        """Run a cell to its end, and return the text of its outputs."""
        return text_of(self.outputs_of(self.begin(code))[0])

    def begin(self, code: str, cell: str = "") -> str:
        """Have a cell run.

        Args:
            code: What it holds.
            cell: Its id in the notebook, which a page tells.

        Returns:
            What `outputs_of` needs.
        """
        content = {"code": code, "silent": False, "store_history": True}
        return self._send("shell", "execute_request", content, cell)

    def outputs_of(
        self, request: str, until: str | None = None
    ) -> tuple[list[Output], int]:
        """Return what a cell has printed, as a notebook has it, and its number.

        Args:
            request: What `begin` returned.
            until: Do not wait for its end, but for this text in its outputs.
        """
        outputs: list[Output] = []
        number = 0
        while True:
            kind, content = self._answer_to(request)
            match kind:
                case "execute_input":
                    number = content["execution_count"]
                case "stream" if outputs and content["name"] == outputs[-1].get("name"):
                    outputs[-1]["text"] += content["text"]
                case "execute_result" | "display_data" | "stream" | "error":
                    content.pop("transient", None)
                    outputs.append({"output_type": kind, **content})
                case "status" if content["execution_state"] == "idle":
                    return outputs, number
            if until and until in text_of(outputs):
                return outputs, number

    def close(self) -> None:
        """End the connection; the kernel goes on."""
        with suppress(OSError, websocket.WebSocketException):
            self._socket.send_close()
        if self._socket.sock:
            with suppress(OSError):  # the lab has ended it
                self._socket.sock.shutdown(SHUT_RDWR)

    def _listen(self) -> None:
        self._socket.settimeout(None)
        with suppress(OSError, websocket.WebSocketException):
            while isinstance(message := self._socket.recv(), bytes):
                self._messages.put(message)
        self._messages.put(b"")

    def debug(self, command: str, arguments: dict[str, Any]) -> None:
        """Give the kernel's debugger an order, and wait for its answer."""
        order = {"type": "request", "seq": 1, "command": command}
        request = self._send(
            "control", "debug_request", {**order, "arguments": arguments}
        )
        while self._answer_to(request)[0] != "debug_reply":
            pass

    def _send(
        self, channel: str, kind: str, content: dict[str, Any], cell: str = ""
    ) -> str:
        request = uuid.uuid4().hex
        header = {
            "msg_id": request,
            "msg_type": kind,
            "username": "",
            "session": self._session,
            "version": "5.3",
        }
        metadata = {"cellId": cell} if cell else {}
        parts = [json.dumps(part).encode() for part in (header, {}, metadata, content)]
        self._socket.send_binary(_packed([channel.encode(), *parts]))
        return request

    def _answer_to(self, request: str) -> tuple[str, dict[str, Any]]:
        while True:
            message = self._messages.get(timeout=60)
            assert message, "the connection to the kernel has ended"
            _, *parts = _unpacked(message)
            header, parent, _, content = map(json.loads, parts[:4])
            if parent.get("msg_id") == request:
                return header["msg_type"], content


def text_of(outputs: list[Output]) -> str:
    """Return the text of a cell's outputs, as a notebook has them."""
    texts = []
    for output in outputs:
        match output["output_type"]:
            case "execute_result" | "display_data":
                texts.append(_joined(output["data"]["text/plain"]))
            case "stream":
                texts.append(_joined(output["text"]))
            case "error":
                texts.append("\n".join(output["traceback"]))
    return "".join(texts)


def _packed(parts: list[bytes]) -> bytes:
    """Return a message as `PROTOCOL` has it: where each part begins, then the parts."""
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(
        parts
    )


def _unpacked(message: bytes) -> list[bytes]:
    """Return the parts of such a message."""
    (count,) = struct.unpack_from("<Q", message)
    offsets = struct.unpack_from(f"<{count}Q", message, 8)
    return [message[a:b] for a, b in itertools.pairwise(offsets)]


def _joined(text: str | list[str]) -> str:
    """Return a text that a notebook's file may hold line by line."""
    return text if isinstance(text, str) else "".join(text)


class Terminal:
    """A terminal, by its websocket."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket

    def type(self, text: str) -> None:
        """Press keys; Enter is a carriage return."""
        self._socket.send(json.dumps(["stdin", text]))

    def wait_for(self, text: str, timeout: float = 30) -> str:
        """Wait until the terminal shows a text, and return all it showed till then.

        Raises:
            TimeoutError: It never did.
        """
        deadline, shown = time.monotonic() + timeout, ""
        while text not in shown:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} in the terminal: {shown}")
            kind, *rest = json.loads(self._socket.recv())
            shown += rest[0] if kind == "stdout" else ""
        return shown
