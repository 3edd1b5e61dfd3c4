"""A lab as its browser page uses it: REST, and the websockets of kernels and terminals.

server = Server(url)
with server.kernel() as kernel:
    assert kernel.run("6 * 7") == "42"
"""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket


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
        id = self.ask("kernels", {"name": name} if name else {})["id"]
        socket = self._connect(f"api/kernels/{id}/channels")
        try:
            yield Kernel(id, socket)
        finally:
            socket.close()
            self.ask(f"kernels/{id}", method="DELETE")

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

    def _connect(self, path: str) -> websocket.WebSocket:
        return websocket.create_connection(
            f"{self.base.replace('http', 'ws', 1)}/{path}",
            header={"Authorization": f"token {self.token}"},
            timeout=60,
        )


class Kernel:
    """A kernel, by its websocket."""

    def __init__(self, id: str, socket: websocket.WebSocket) -> None:
        self.id = id
        self._socket = socket
        self._session = uuid.uuid4().hex

    def run(self, code: str) -> str:
        """Run a cell to its end, and return the text of its outputs."""
        cell = {"code": code, "silent": False, "store_history": True}
        request, output = self._send("shell", "execute_request", cell), ""
        while True:
            kind, content = self._answer_to(request)
            match kind:
                case "execute_result" | "display_data":
                    output += content["data"]["text/plain"]
                case "stream":
                    output += content["text"]
                case "error":
                    output += "\n".join(content["traceback"])
                case "status" if content["execution_state"] == "idle":
                    return output

    def debug(self, command: str, arguments: dict[str, Any]) -> None:
        """Give the kernel's debugger an order, and wait for its answer."""
        order = {"type": "request", "seq": 1, "command": command}
        request = self._send(
            "control", "debug_request", {**order, "arguments": arguments}
        )
        while self._answer_to(request)[0] != "debug_reply":
            pass

    def _send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        request = uuid.uuid4().hex
        header = {
            "msg_id": request,
            "msg_type": kind,
            "username": "",
            "session": self._session,
            "version": "5.3",
        }
        message = {
            "channel": channel,
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        self._socket.send(json.dumps(message))
        return request

    def _answer_to(self, request: str) -> tuple[str, dict[str, Any]]:
        while True:
            message = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") == request:
                return message["msg_type"], message["content"]


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
