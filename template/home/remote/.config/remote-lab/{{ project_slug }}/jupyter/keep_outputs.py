"""Keeps what cells print while no browser is open, until their notebook is opened.

Only the page writes notebooks: without one, a kernel's output would be lost. So the
server keeps each run's outputs in memory, and adds them when the notebook is read. It
writes no file: the page and jupytext save.
"""

import copy
import sys
from collections import deque
from contextlib import contextmanager
from functools import partial
from time import monotonic

from jupyter_client.session import Session
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.connection import channels
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from nbformat.v4 import new_output, output_from_msg

c = get_config()  # noqa: F821  (Jupyter puts it here)

MOST = 50_000_000  # bytes kept of one run
ALL = 200_000_000  # of all runs; ended ones make room
MISSED = 50_000_000  # of each kernel, for a page that comes back
NOT_KEPT = f"[No more than {MOST // 1_000_000} MB are kept of what a cell prints.]\n"
NO_ROOM = f"[Not kept: newer outputs fill {ALL // 1_000_000} MB that there are.]\n"
LASTING = ("status", "execute_input")  # tell a page what has begun and ended

kept = {}  # the latest run of each cell: path of the notebook, id of the cell, Run
asked = {}  # the runs that go on: id of the message that asked for it, Run


class Run:
    """The outputs of running a cell once, for the page with that session key."""

    def __init__(self, connection, kernel, code):
        self.connection, self.kernel, self.code = connection, kernel, code
        self.asked = monotonic()
        self.count = None  # the number that it has in the kernel, once it has begun
        self.done = False
        self.missed = False  # by its page, which went away
        self._forget()

    def add(self, kind, message, size):
        """Keep an output as the page would show it; *size* is in bytes."""
        content = message["content"]
        if kind == "clear_output":
            self.clear = True
            if not content["wait"]:
                self._forget()
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if self.clear:
                self._forget()
            if not self.full and self.size + size <= MOST:
                self.size += size
                self._add(output_from_msg(message), content.get("transient", {}))
            elif not self.full:
                self.full = True
                self._add(new_output("stream", name="stderr", text=NOT_KEPT), {})

    def update(self, content):
        """Have what was displayed under a name show another thing, if there is room."""
        for output in self.displays.get(content["transient"].get("display_id"), ()):
            more = len(repr(content["data"])) - len(repr(output["data"]))
            if more <= 0 or self.size + more <= MOST:
                self.size += more
                output |= {"data": content["data"], "metadata": content["metadata"]}

    def empty(self):
        """Forget the outputs, but not that there were some."""
        self._forget()
        self._add(new_output("stream", name="stderr", text=NO_ROOM), {})

    def _add(self, output, transient):
        last = self.outputs[-1] if self.outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] = joined(last["text"], output["text"])
        else:
            self.outputs.append(output)
        if name := transient.get("display_id"):
            self.displays.setdefault(name, []).append(output)

    def _forget(self):
        self.outputs, self.displays, self.size, self.full = [], {}, 0, False
        self.clear = False  # when the next output comes


class Missed:
    """What a kernel sends while its page is away: the oldest outputs make room."""

    def __init__(self):
        self._messages, self._outputs = {}, deque()
        self._count = self._size = 0

    def __iter__(self):
        return iter(self._messages.values())  # each with its channel and its parts

    def __len__(self):
        return len(self._messages)

    def add(self, channel, parts, kind):
        """Keep a message of a channel; *kind* is its type."""
        self._count += 1
        self._messages[self._count] = channel, parts
        if channel == "iopub" and kind not in LASTING:
            self._outputs.append(self._count)
            self._size += sum(map(sys.getsizeof, parts))
        while self._size > MISSED:
            _, parts = self._messages.pop(self._outputs.popleft())
            self._size -= sum(map(sys.getsizeof, parts))


def all_runs():
    """The runs that are kept, of all notebooks."""
    return [run for runs in kept.values() for run in runs.values()]


def make_room():
    """Forget the outputs of ended runs, the oldest first, if all are too many."""
    size = sum(run.size for run in all_runs())
    if size > ALL:
        for run in sorted(all_runs(), key=lambda run: run.asked):
            if run.done and run.size and size > ALL:
                size -= run.size
                run.empty()


def joined(text, more):
    """A stream's text and what follows it, where a progress bar overwrites its line."""
    start = text.rfind("\n") + 1
    lines = (text[start:] + more).split("\n")
    # Found from the line's end: a pattern would look for it from each letter.
    last = (line[line.rstrip("\r").rfind("\r") + 1 :] for line in lines)
    return text[:start] + "\n".join(last)


@contextmanager
def harmless(log):
    """A mistake in here must keep no cell from running and no notebook from a save."""
    try:
        yield
    except Exception:
        log.exception("keep_outputs.py: outputs may be missing when no page is open.")


class Connections(channels.ZMQChannelsWebsocketConnection):
    """A page's way to a kernel: tells which cell a run is of, and who sees it."""

    def handle_incoming_message(self, incoming_msg):
        """Note the run that a message asks for, and pass it on."""
        with harmless(self.log):
            self._note(incoming_msg)
        super().handle_incoming_message(incoming_msg)

    def disconnect(self):
        """Note whose page is gone; one that comes back tells by what it saves."""
        for run in all_runs():
            run.missed |= run.connection == self.session_key
        super().disconnect()

    def _note(self, message):
        if self.subprotocol != "v1.kernel.websocket.jupyter.org":
            return  # no page of JupyterLab's
        channel, parts = deserialize_msg_from_ws_v1(message)
        if channel != "shell":
            return
        header, metadata, content = (self.session.unpack(parts[n]) for n in (0, 2, 3))
        if header["msg_type"] != "execute_request" or not metadata.get("cellId"):
            return
        sessions = self.multi_kernel_manager.parent.session_manager.connection
        select = "SELECT path FROM session WHERE type = 'notebook' AND kernel_id = ?"
        for (path,) in sessions.execute(select, (self.kernel_id,)):
            run = Run(self.session_key, self.kernel_id, content["code"])
            asked[header["msg_id"]] = run
            kept.setdefault(path, {})[metadata["cellId"]] = run


class Kernels(AsyncMappingKernelManager):
    """All kernels; what each sends is heard here too, whoever else is there to hear."""

    def start_watching_activity(self, kernel_id):
        """Listen to a kernel that has started."""
        super().start_watching_activity(kernel_id)
        kernel = self.get_kernel(kernel_id)
        session = Session(config=kernel.session.config, key=kernel.session.key)

        def hear(parts):
            with harmless(self.log):
                _, parts = session.feed_identities(parts)
                self._hear(session.deserialize(parts), sum(map(len, parts)))

        kernel.keep_outputs_stream = kernel.connect_iopub()
        kernel.keep_outputs_stream.on_recv(hear)

    def stop_watching_activity(self, kernel_id):
        """Stop listening to a kernel that ends."""
        super().stop_watching_activity(kernel_id)
        stream = vars(self.get_kernel(kernel_id)).pop("keep_outputs_stream", None)
        if stream is not None and not stream.closed():
            stream.close()
        self._end(kernel_id)

    def start_buffering(self, kernel_id, session_key, channels):
        """Keep what a kernel sends for a page that went away, and may come back."""
        super().start_buffering(kernel_id, session_key, channels)
        kernel = self.get_kernel(kernel_id)
        kernel.keep_outputs_missed = missed = Missed()

        def miss(channel, parts):
            kind = ""
            with harmless(self.log):
                _, (_, header, *_) = kernel.session.feed_identities(parts)
                kind = kernel.session.unpack(header)["msg_type"]
            missed.add(channel, parts, kind)

        for channel, stream in channels.items():
            if not stream.closed():
                stream.on_recv(partial(miss, channel))

    def get_buffer(self, kernel_id, session_key):
        """What a page that comes back has missed."""
        buffer = super().get_buffer(kernel_id, session_key)
        if buffer:
            kernel = self.get_kernel(kernel_id)
            buffer["buffer"] = vars(kernel).pop("keep_outputs_missed", ())
        return buffer

    def stop_buffering(self, kernel_id):
        """Forget it: another page came, or the kernel ends."""
        super().stop_buffering(kernel_id)
        vars(self.get_kernel(kernel_id)).pop("keep_outputs_missed", None)

    def _hear(self, message, size):
        kind, content = message["header"]["msg_type"], message["content"]
        asker = message["parent_header"].get("msg_id")
        run = asked.get(asker)
        if run is None:
            return
        if kind == "execute_input":
            # What else this kernel had begun ended without a word, by a restart.
            self._end(run.kernel, but=run)
            run.count = content["execution_count"]
        elif kind == "update_display_data":
            for other in all_runs():
                if other.kernel == run.kernel:
                    other.update(content)
        elif kind == "status" and content["execution_state"] == "idle":
            run.done = True
            del asked[asker]
        else:
            run.add(kind, message, size)
            make_room()

    def _end(self, kernel_id, but=None):
        for asker, run in list(asked.items()):
            if run.kernel == kernel_id and run.count and run is not but:
                run.done = True
                del asked[asker]


class Contents(AsyncLargeFileManager):
    """The files; jupytext reads and writes pairs through this."""

    async def get(self, path, content=True, *args, **options):
        """Read a file, and add to a notebook what it has missed."""
        model = await super().get(path, content, *args, **options)
        if content and model["type"] == "notebook":
            with harmless(self.log):
                for cell in model["content"]["cells"]:
                    run = kept.get(path.strip("/"), {}).get(cell.get("id"))
                    # Of another text, it would be an answer to another question; but
                    # by way of its script, a cell loses the newlines at its ends.
                    same = run and run.code.strip() == cell["source"].strip()
                    if same and not run.done:
                        run.missed = True  # by this page, which sees what there is now
                    if same and run.count:
                        cell["outputs"] = copy.deepcopy(run.outputs)
                        cell["execution_count"] = run.count if run.done else None
                        cell["metadata"]["trusted"] = True  # as what a page ran is
        return model

    async def save(self, model, path=""):
        """Save a file; what is now in a notebook need not be kept."""
        saved = await super().save(model, path)
        if model["type"] == "notebook":
            with harmless(self.log):
                cells = {cell.get("id"): cell for cell in model["content"]["cells"]}
                runs = kept.get(path.strip("/"), {})
                for id, run in list(runs.items()):
                    known = cells.get(id, {}).get("execution_count") == run.count
                    # A page that was opened before the end knows no number yet.
                    if run.done and (id not in cells or known or not run.missed):
                        del runs[id]
        return saved

    async def rename_file(self, old_path, new_path):
        """Rename a file, and what is kept for it."""
        await super().rename_file(old_path, new_path)
        if runs := kept.pop(old_path.strip("/"), None):
            kept[new_path.strip("/")] = runs


c.ServerApp.kernel_websocket_connection_class = Connections
c.ServerApp.kernel_manager_class = Kernels
c.ServerApp.contents_manager_class = Contents
