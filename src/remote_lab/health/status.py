"""Status: every remote at a glance."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from remote_lab.errors import UNREACHABLE, Problem
from remote_lab.lab.service import taken
from remote_lab.lab.tunnel import tunnel
from remote_lab.laptop import configured
from remote_lab.remote_programs import LAB, values
from remote_lab.remote_state import RemoteState, labelled
from remote_lab.settings import Project, Remote
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.ui.show import plain, problem

GIB = 1024 * 1024  # in KiB


def status(project: Project) -> list[dict[str, Any]]:
    """Query every remote, side by side; "exit_code" is the one that each asks for."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda r: _row(project, r), project.remotes.values()))


def _row(project: Project, remote: Remote) -> dict[str, Any]:
    # If several asked for a password at once, nobody could tell which one asks.
    connection = Connection(project, remote, ask=len(project.remotes) == 1)
    row: dict[str, Any] = {
        "remote": remote.name,
        "reachable": False,
        "lab": None,
        "service": None,
        "processes": None,
        "tunnel": "up" if tunnel(connection).is_up() else "down",
        "port": remote.lab_port,
        "disk_free_gib": None,
        "memory_free_gib": None,
        "load": None,
        "cores": None,
        "gpus": [],
        "error": None,
        "fix": None,
        "exit_code": 0,
    }
    if remote in configured.lacking(project):
        return row | _failed(configured.problem(remote))
    text = program(
        *("state", "places", *LAB, "port", "status"),
        values=values(connection, restart="no"),
        main="lab_status\nport_state\nmachine",
    )
    try:
        state = RemoteState.parse(connection.run(text)[1])
    except Problem as error:
        return row | _failed(error)
    lab, machine = state.lab, state.machine
    if state.lab_reported:
        row["lab"] = "running" if lab.running else "stopped"
        row |= {"service": lab.backend, "processes": lab.processes}
    if lab.port:  # its process has not ended yet
        row |= {"lab": "stopped", "error": taken(connection, lab.port)}
    return row | {
        "reachable": True,
        "disk_free_gib": _gib(machine.disk_free),
        "memory_free_gib": _gib(machine.memory_free),
        "load": machine.load,
        "cores": machine.cores,
        "gpus": machine.gpus,
    }


def _gib(kib: int | None) -> float | None:
    return None if kib is None else round(kib / GIB, 1)


def _failed(error: Problem) -> dict[str, Any]:
    return {"error": error.what, "fix": error.todo, "exit_code": error.code}


def table(rows: list[dict[str, Any]]) -> None:
    """Print the rows for a person."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    titles = ("remote", "lab", "tunnel", "disk free", "memory free", "load", "GPUs")
    for title in titles:
        out.add_column(title, overflow="fold")
    for row in rows:
        if not row["reachable"]:
            away = row["exit_code"] == UNREACHABLE
            text = "[red]not reached" if away else "[red]failed"
            out.add_row(row["remote"], text, row["tunnel"])
            continue
        lab = (row["lab"] or "?") + (
            f" ({labelled(row['service'])})" if row["lab"] == "running" else ""
        )
        out.add_row(
            row["remote"],
            Text(plain(lab)),
            f"{row['tunnel']} {row['port']}" if row["tunnel"] == "up" else "down",
            f"{row['disk_free_gib']} GiB",
            f"{row['memory_free_gib']} GiB",
            f"{row['load']} of {row['cores']}",
            Text(plain("; ".join(row["gpus"])) or "none"),
        )
    Console().print(out)
    for row in rows:
        if row["error"]:
            problem(Problem(f"{row['remote']}: {row['error']}", todo=row["fix"]))
