"""Story 10: the project is removed from the remote, and pushed again."""

from __future__ import annotations

import pytest
from cast import Stage

pytestmark = [
    pytest.mark.xdist_group("stories-2"),
    pytest.mark.timeout(500),
]

OURS = "find .config .local/state .local/share -name '*titanic*' -o -name .lingering"
LINGERS = "ls /var/lib/systemd/linger"


def test_removed_from_the_remote_and_pushed_again(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    login = ada.account.name
    ada.starts_project()
    assert login in ada.account.sh(LINGERS).stdout.split()
    page = ada.notebook("notebooks/fares.ipynb", new=True)
    page.append("sum([7, 71, 8])")
    assert page.run(0) == "86"
    page.save()

    # With a kernel, nothing is removed unasked: the lab and the tunnel are as before.
    said = ada.remote("remove", code=1)
    assert "1 kernel" in said
    assert page.run(0) == "86"
    removed = ada.advised(said, "remove --yes", timeout=240)
    assert "removed the project" in removed
    assert ada.account.sh(OURS, check=False).stdout.strip() == ""
    assert login not in ada.account.sh(LINGERS).stdout.split()
    assert "Disabled lingering" in removed
    assert "titanic" not in ada.account.sh("cat .bashrc").stdout
    # The notebook and its script are hers, and stay.
    assert ada.there.cells("notebooks/fares.ipynb") == ["sum([7, 71, 8])"]
    assert "nothing of this project" in ada.remote("remove", code=1)

    # Pushed again, it is as after a first push; the unsaved work comes home first.
    ada.remote("push", timeout=240)
    assert login in ada.account.sh(LINGERS).stdout.split()
    assert "# >>> titanic >>>" in ada.account.sh("cat .bashrc").stdout
    ada.remote("save")
    assert ada.here.cells("notebooks/fares.py") == ["sum([7, 71, 8])"]
    again = ada.notebook("notebooks/fares.ipynb")
    assert again.run(0) == "86"
    again.shut_down()

    # Away for good: the key, too, by the command that was printed.
    last = ada.remote("remove")
    ada.advised(last, "authorized_keys")
    key = ada.laptop.key.split()[1]
    assert key not in ada.account.sh("cat .ssh/authorized_keys").stdout
