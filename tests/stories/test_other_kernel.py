"""Story 3: a notebook that uses another environment's kernel keeps it, and runs."""

from __future__ import annotations

import json
import re

import pytest
from cast import Clone, Stage

pytestmark = [
    pytest.mark.xdist_group("stories-1"),
    pytest.mark.timeout(400),
]

PLACE = ".local/share/jupyter/kernels/elsewhere"
# Another Python than the environment's, which borrows its packages.
OTHER = {
    "argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Elsewhere",
    "language": "python",
}
CELL = "import sys; print(sys.prefix)"
SCRIPT, NOTEBOOK = "notebooks/other.py", "notebooks/other.ipynb"


def test_a_notebook_keeps_the_kernel_of_another_environment(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    site = ada.there.sh("echo $PWD/.venv/lib/python3*/site-packages").strip()
    spec = json.dumps({**OTHER, "env": {"PYTHONPATH": site}})
    ada.there.sh(f"mkdir -p ~/{PLACE}")
    ada.there.write(f"../{PLACE}/kernel.json", spec)

    page = ada.notebook(NOTEBOOK, new=True, kernel="elsewhere")
    page.append(CELL)
    assert page.run(0).strip() == "/usr"
    page.save()
    ada.remote("save")
    assert named(ada.here) == named(ada.there) == ["elsewhere"] * 2

    # The commit's hook, on a laptop that has no such kernel, and the push.
    ada.here.write(SCRIPT, ada.here.text(SCRIPT).rstrip() + "\n\n# %%\nx=1\n")
    ada.commit("One more cell")
    assert ada.here.cells(NOTEBOOK) == [CELL, "x = 1"]
    ada.remote("push")
    assert ada.there.cells(NOTEBOOK) == [CELL, "x = 1"]
    assert named(ada.here) == named(ada.there) == ["elsewhere"] * 2
    page.shut_down()
    again = ada.notebook(NOTEBOOK)
    assert again.kernel_name == "elsewhere"
    assert again.run(0).strip() == "/usr"

    # One that names Jupyter's own python3, as from a colleague, gets the project's.
    text = ada.here.text(SCRIPT).replace("elsewhere", "python3")
    ada.here.write("notebooks/colleague.py", text)
    ada.commit("As it came")
    assert named(ada.here, "notebooks/colleague") == ["titanic"] * 2


def named(clone: Clone, pair: str = "notebooks/other") -> list[str]:
    """The kernels that the script and the notebook of a pair name."""
    text = clone.text(f"{pair}.py")
    header = re.search(r"^#     name: (.*)$", text, re.MULTILINE)
    assert header
    metadata = json.loads(clone.text(f"{pair}.ipynb"))["metadata"]
    return [header[1], metadata["kernelspec"]["name"]]
