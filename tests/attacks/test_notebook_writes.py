"""Saves in the last moment, links that lead out, records that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pairing import NOTEBOOK, SCRIPT, Repo

from remote_lab.pairs import writing
from remote_lab.pairs.sync_state import stat_of


def in_place(path: str, text: str) -> None:
    """Save as JupyterLab does."""
    Path(path).write_text(text)


def by_rename(path: str, text: str) -> None:
    """Save as many editors do."""
    Path(f"{path}.new").write_text(text)
    Path(f"{path}.new").replace(path)


@pytest.mark.parametrize("save", [in_place, by_rename])
@pytest.mark.parametrize("moment", ["_mode", "exchange", "stat_of"])
def test_a_save_in_the_last_moment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: object, moment: str
) -> None:
    """As the new text is written, and between the last look and the exchange."""
    path = str(tmp_path / "x.ipynb")
    Path(path).write_text("read")
    seen = stat_of(path)
    real = getattr(writing, moment)
    calls: list[int] = []

    def act(*arguments: str) -> object:
        if moment == "stat_of" and not calls:
            calls.append(1)
            stat = real(*arguments)
            save(path, "saved just now")  # type: ignore[operator]
            return stat
        if not calls:
            calls.append(1)
            save(path, "saved just now")  # type: ignore[operator]
        return real(*arguments)

    monkeypatch.setattr(writing, moment, act)
    assert not writing._replace(path, "from the script", seen)
    assert Path(path).read_text() == "saved just now"
    assert list(tmp_path.iterdir()) == [Path(path)]


def test_a_file_that_is_made_in_the_last_moment_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    fresh = tmp_path / "fresh"
    fresh.write_text("from the script")
    path.write_text("saved just now")
    assert not writing._create(str(fresh), str(path))
    assert path.read_text() == "saved just now"


@pytest.mark.parametrize("side", [SCRIPT, NOTEBOOK])
@pytest.mark.parametrize("inside", ["outside", ".git/info/attributes"])
def test_no_write_follows_a_link_out(repo: Repo, side: str, inside: str) -> None:
    target = repo.root / inside if "/" in inside else repo.root.parent / inside
    target.unlink(missing_ok=True)
    repo.path(side).unlink()
    repo.path(side).symlink_to(target)
    for word in ("sync", "refresh", "commit"):
        said = repo.program(word).stderr if word == "refresh" else ""
        repo.call(*repo.door.argv, word, check=False)
        assert not target.exists(), said
    other = "script" if side == NOTEBOOK else "notebook"
    name = SCRIPT if side == NOTEBOOK else NOTEBOOK
    done = repo.call(*repo.door.argv, f"from-{other}", name, check=False)
    assert not target.exists()
    assert "a link that leads out of the project" in done.stderr


def test_a_link_within_the_project_is_followed(repo: Repo) -> None:
    repo.path(NOTEBOOK).rename(repo.path("results/a.ipynb"))
    repo.path(NOTEBOOK).symlink_to("../results/a.ipynb")
    repo.edit(SCRIPT, "x = 1", "x = 2")
    repo.program("sync", check=True)
    assert repo.path(NOTEBOOK).is_symlink()
    assert ("code", "x = 2") in repo.cells(NOTEBOOK)


ODD = ["[]", "null", '"text"', "3", '{"a": 1}', '{"notebooks/a": []}', "[" * 100_000]
ODD += [
    json.dumps({"notebooks/a": entry})
    for entry in (
        ["ab", None, ""],
        [[["a"] * 4, None], None, ""],
        [[[1] * 3, None], None, ""],
        [[None, None], ["a"], ""],
        [[None, None], [1, 2], ""],
        [[None, None], None, 3],
        [{"a": 1, "b": 2}, None, ""],
    )
]


@pytest.mark.parametrize("text", ODD, ids=[text[:40] for text in ODD])
def test_an_odd_record_is_none(repo: Repo, text: str) -> None:
    record = repo.path(".git/remote-lab-pairs.json")
    record.write_text(text)
    repo.edit(SCRIPT, "x = 1", "x = 2")
    repo.git("add", "-A")
    assert repo.commit() == "at once", repo.said
    assert ("code", "x = 2") in repo.in_step()
    assert isinstance(json.loads(record.read_text()), dict)
