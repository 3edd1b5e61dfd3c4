"""The main job on the sandbox: a project, its push, its lab, without any server.

Usage: demo.py [--check | --end]. With --check, a notebook cell is run through the
tunnel, as the browser would do it, and everything is taken down again; --end takes down
what runs.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import websocket

TEMPLATE = Path(__file__).resolve().parent.parent
DEMO = TEMPLATE / ".demo" / "remote-lab-demo"


class Server:
    """A Jupyter server behind a URL with a token, used as JupyterLab uses it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.token = parse_qs(parts.query)["token"][0]
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/lab')}"

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """One request of the server's REST API."""
        request = urllib.request.Request(
            f"{self.base}/api/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            text = reply.read()
        return dict(json.loads(text)) if text else {}

    def run_cell(self, source: str) -> str:
        """Run a line in a new notebook; what it printed.

        Raises:
            RuntimeError: The kernel said that it failed.
        """
        made = self.ask("POST", "contents/notebooks", {"type": "notebook"})
        session = {"path": made["path"], "type": "notebook", "name": "", "kernel": {}}
        kernel = self.ask("POST", "sessions", session)["kernel"]
        assert isinstance(kernel, dict)
        channel = websocket.create_connection(
            f"{self.base.replace('http', 'ws', 1)}/api/kernels/{kernel['id']}/channels",
            header={"Authorization": f"token {self.token}"},
            timeout=60,
        )
        channel.send(json.dumps(execute_request(source)))
        output = ""
        while True:
            message = json.loads(channel.recv())
            content = message["content"]
            if message["msg_type"] in ("execute_result", "display_data"):
                output += content["data"]["text/plain"]
            elif message["msg_type"] == "stream":
                output += content["text"]
            elif message["msg_type"] == "execute_reply":
                if content["status"] != "ok":
                    raise RuntimeError(f"the cell failed: {content}")
            elif output and content.get("execution_state") == "idle":
                channel.close()
                return output


def execute_request(source: str) -> dict[str, object]:
    """The message that runs a cell: Jupyter's messaging protocol, 5.x."""
    return {
        "channel": "shell",
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "demo",
            "session": uuid.uuid4().hex,
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": source, "silent": False, "store_history": True},
    }


def remote(*arguments: str) -> str:
    """Run the project's ./remote; what it printed as its result."""
    done = subprocess.run(
        ["./remote", *arguments],
        cwd=DEMO,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def free_port() -> int:
    """A port that nobody listens on, away from the projects' usual ones."""
    for port in (*range(8100, 8200), 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def end() -> None:
    """Take everything down, and away."""
    if DEMO.exists():
        # Of a demo that came no further, there may be nothing to remove.
        subprocess.run(["./remote", "remove", "--yes"], cwd=DEMO, check=False)
        shutil.rmtree(DEMO.parent)
    shutil.rmtree(
        Path.home() / ".local/state/remote-lab" / DEMO.name, ignore_errors=True
    )
    print("Everything is shut down and taken away again.")


def generate() -> None:
    """Make the project, as `copier copy` does, and set it up as its hook would."""
    if DEMO.exists():
        end()
    me = {"NAME": "Remote Lab demo", "EMAIL": "demo@example.org"}
    # git may not know the user yet.
    names = {f"GIT_{role}_{k}": me[k] for role in ("AUTHOR", "COMMITTER") for k in me}
    env = {**names, **os.environ}
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet"]
    copier += ["--skip-tasks", "--vcs-ref", "HEAD"]
    copier += ["-d", "project_name=Remote Lab Demo", "-d", f"lab_port={free_port()}"]
    subprocess.run([*copier, TEMPLATE, DEMO], check=True, env=env)
    subprocess.run(["./remote", "setup"], cwd=DEMO, check=True, env=env)


def main() -> None:
    """Generate and open; with --check try it and take it down; with --end only that."""
    if "--end" in sys.argv[1:]:
        end()
        return
    try:
        generate()
        url = remote("open", "--no-browser")
    except subprocess.CalledProcessError:  # what it said is on the screen
        sys.exit("The demo came no further. The project is left in .demo, to look at.")
    print(f"\nJupyterLab runs on the sandbox. Open it:\n\n  {url}\n")
    if "--check" not in sys.argv[1:]:
        print(f"The project is {DEMO}; the remote's home is in it, below .sandbox.")
        uv = Path(shutil.which("uv") or "").parent
        if TEMPLATE in uv.parents:
            print(f'For its ./remote, put uv on your PATH: export PATH="$PATH:{uv}"')
        print("To end it: make demo-end")
        return
    answer = Server(url).run_cell("print(1 + 1)").strip()
    print(f"A notebook cell, through the tunnel: 1 + 1 = {answer}")
    end()
    if answer != "2":
        sys.exit(f"The cell should have said 2, and said: {answer}")


if __name__ == "__main__":
    main()
