"""The import graph of the program: no circle, and none hidden."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src/remote_lab"
MODULES = {
    ".".join(("remote_lab", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in PACKAGE.rglob("*.py")
    if path.parent.name != "sh"
}
# Rooms that know each other by design: tools serves settings, and git needs a project.
TOGETHER = {"settings": "tools"}


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, at its top or in a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for name in node.names:
            module = f"{node.module}.{name.name}"
            found = module if module in MODULES else node.module
            if found in MODULES:
                yield found


GRAPH = {module: {*imported(path)} for module, path in MODULES.items()}


def room(module: str) -> str:
    """The folder that a module is in, or its own name."""
    name = module.split(".")[1]
    return TOGETHER.get(name, name)


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter(GRAPH).prepare()  # it raises CycleError, with the circle


def test_no_room_imports_itself_by_way_of_others() -> None:
    rooms: dict[str, set[str]] = {}
    for module, modules in GRAPH.items():
        others = {room(other) for other in modules} - {room(module)}
        rooms.setdefault(room(module), set()).update(others)
    TopologicalSorter(rooms).prepare()


def test_no_import_is_for_types_only() -> None:
    """What TYPE_CHECKING hides is a circle."""
    hiding = [p for p in MODULES.values() if "TYPE_CHECKING" in p.read_text()]
    assert not hiding
