"""Story 7: a push changes the environment while kernels run."""

from __future__ import annotations

import pytest
from cast import Stage

pytestmark = [
    pytest.mark.xdist_group("stories-1"),
    pytest.mark.timeout(400),
]


def test_a_push_changes_the_environment_while_kernels_run(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    page = ada.notebook("notebooks/fares.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.append("sum(fares)")
    page.run(0)
    assert page.run(1) == "86"
    page.append("import tomli_w; tomli_w.dumps({'a': 1})")
    assert "ModuleNotFoundError" in page.run(2)
    page.save()
    ada.remote("save")

    # The cell for %pip says what to do; it is done on the laptop, and pushed.
    page.append("%pip install tomli_w")
    assert "uv add tomli_w" in page.run(3)
    page.delete(3)
    ada.here.sh("uv add -q tomli_w")
    ada.commit("A package more")
    said = ada.remote("push", timeout=240)
    # The kernel goes on with all that it holds, and the lab that it is in.
    assert page.run(1) == "86"
    assert "a = 1" in page.run(2)
    page.save()
    assert "1 kernel" in said
    assert "waits for a restart" in ada.remote("doctor", code=1)

    # When the work allows: as it was advised. Unasked, no kernel ends.
    assert "1 kernel" in ada.remote("lab restart", code=1)
    assert page.run(1) == "86"
    ada.advised(said, "lab restart --yes")
    again = ada.notebook("notebooks/fares.ipynb")
    assert "a = 1" in again.output(2)
    assert again.run(0) == ""
    assert again.run(1) == "86"
    assert "a = 1" in again.run(2)
    assert ada.remote("doctor")
    assert "nothing to do" in ada.remote("push")
    again.shut_down()

    # With no kernel, a change restarts the lab by itself, and it is seen to come up.
    ada.here.sh("uv remove -q tomli_w")
    ada.commit("Without it")
    said = ada.remote("push", timeout=240)
    assert "estarted the lab" in said, said
    last = ada.notebook("notebooks/fares.ipynb")
    assert "ModuleNotFoundError" in last.run(2)
