"""A notebook that is open in the lab: what its page does, over REST and websocket.

notebook = Notebook.create(server, "notebooks/a.ipynb")
notebook.append("6 * 7")
assert notebook.run(0) == "42"
notebook.save()
notebook.close()       # the page; its kernel goes on
"""

from __future__ import annotations

import uuid
from typing import Any, Self
from urllib.parse import quote

from jupyter import Kernel, Server, text_of

Cell = dict[str, Any]


class Notebook:
    """A notebook as a page has it; several pages can have the same one."""

    def __init__(self, server: Server, path: str) -> None:
        """Open it; its kernel starts, or the page joins the one that runs.

        Args:
            server: The lab.
            path: Below the lab's root; also that of a script, which opens as one.
        """
        self.server, self.path = server, path
        self.reload()
        spec = self._content["metadata"].get("kernelspec", {})
        self._connect(spec.get("name", ""))

    @classmethod
    def create(cls, server: Server, path: str, kernel: str = "") -> Self:
        """Make a new notebook as the launcher does, and give it its name.

        Args:
            server: The lab.
            path: Where it is to be.
            kernel: Another kernel than the launcher's first.
        """
        folder = path.rpartition("/")[0]
        body = {"type": "notebook", "ext": ".ipynb"}
        made = server.ask(f"contents/{quote(folder)}", body)
        server.ask(f"contents/{quote(made['path'])}", {"path": path}, method="PATCH")
        notebook = cls.__new__(cls)
        notebook.server, notebook.path = server, path
        notebook.reload()
        notebook._connect(kernel)
        chosen = notebook.kernel_name
        spec = server.ask("kernelspecs")["kernelspecs"][chosen]["spec"]
        notebook._content["metadata"] |= {
            "kernelspec": {
                "name": chosen,
                "display_name": spec["display_name"],
                "language": spec["language"],
            },
            "language_info": {"name": spec["language"]},
        }
        notebook._content["cells"] = []
        return notebook

    # What the page shows

    @property
    def cells(self) -> list[str]:
        """The cells' texts."""
        return [cell["source"] for cell in self._cells]

    def output(self, number: int) -> str:
        """The text of a cell's outputs."""
        return text_of(self._cells[number]["outputs"])

    @property
    def kernel_name(self) -> str:
        """The name of the kernel that the page is connected to."""
        name: str = self._session["kernel"]["name"]
        return name

    @property
    def changed_on_disk(self) -> bool:
        """Whether another than this page has written the file since."""
        model = self.server.ask(f"contents/{quote(self.path)}?content=0")
        return bool(model["last_modified"] != self._modified)

    @property
    def idle(self) -> bool:
        """Whether the kernel has nothing to do."""
        state = self.server.ask(f"kernels/{self.kernel.id}")["execution_state"]
        return bool(state == "idle")

    # What its user does

    def append(self, source: str, kind: str = "code") -> int:
        """Add a cell at the end; its number."""
        cell: Cell = {"cell_type": kind, "id": uuid.uuid4().hex[:8], "metadata": {}}
        cell |= {"outputs": [], "execution_count": None} if kind == "code" else {}
        self._cells.append({**cell, "source": source})
        return len(self._cells) - 1

    def edit(self, number: int, source: str) -> None:
        """Type another text into a cell."""
        self._cells[number]["source"] = source

    def delete(self, number: int) -> None:
        """Delete a cell."""
        del self._cells[number]

    def run(self, number: int) -> str:
        """Run a cell to its end, and return the text of its outputs."""
        cell = self._cells[number]
        request = self.kernel.begin(cell["source"], cell["id"])
        cell["outputs"], cell["execution_count"] = self.kernel.outputs_of(request)
        return text_of(cell["outputs"])

    def begin(self, number: int, until: str) -> None:
        """Run a cell, and wait for a text in its outputs, not for its end."""
        cell = self._cells[number]
        request = self.kernel.begin(cell["source"], cell["id"])
        cell["outputs"], _ = self.kernel.outputs_of(request, until)

    def queue(self, number: int) -> None:
        """Run a cell behind what runs, and do not wait for it."""
        cell = self._cells[number]
        self.kernel.begin(cell["source"], cell["id"])

    def save(self, overwrite: bool = False) -> None:
        """Save it.

        Args:
            overwrite: The answer to the page's question if the file has changed.

        Raises:
            AssertionError: The page would ask: the file has changed on the disk.
        """
        assert overwrite or not self.changed_on_disk, f"{self.path} changed on disk"
        body = {"type": "notebook", "format": "json", "content": self._content}
        model = self.server.ask(f"contents/{quote(self.path)}", body, method="PUT")
        self._modified = model["last_modified"]

    def reload(self) -> None:
        """Read it from the disk: File > Reload, or the page's answer to a change."""
        model = self.server.ask(f"contents/{quote(self.path)}?type=notebook&content=1")
        self._content, self._modified = model["content"], model["last_modified"]

    def rename(self, path: str) -> None:
        """Give it another name, in the file browser; page and kernel stay."""
        self.server.ask(f"contents/{quote(self.path)}", {"path": path}, method="PATCH")
        body = {"path": path, "name": path.rpartition("/")[2], "type": "notebook"}
        self.server.ask(f"sessions/{self._session['id']}", body, method="PATCH")
        self.path = path

    def close(self) -> None:
        """Close the page; the kernel goes on."""
        self.kernel.close()

    def shut_down(self) -> None:
        """Close the page, and shut down its kernel."""
        self.close()
        self.server.ask(f"sessions/{self._session['id']}", method="DELETE")

    @property
    def _cells(self) -> list[Cell]:
        cells: list[Cell] = self._content["cells"]
        return cells

    def _connect(self, kernel: str) -> None:
        body = {"path": self.path, "name": self.path.rpartition("/")[2]}
        wanted = {"name": kernel} if kernel else {}
        # Where the path has a session, the lab answers with that one.
        self._session = self.server.ask(
            "sessions", {**body, "type": "notebook", "kernel": wanted}
        )
        self.kernel: Kernel = self.server.attach(self._session["kernel"]["id"])
