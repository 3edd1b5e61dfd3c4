"""Updates from each released version to the newest: no edit of the user's is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from laptop import Laptop
from releases import RELEASES
from render import ROOT
from updating import MARKERS, Updating, append, edit_everything

GPU = {"remote_host": "gpu.example.org", "remote_user": "ada", "lab_listen": "port"}
CONDA = {"environment": "conda", "notebooks_in_git": "both", "description": "A 'quote'"}
MANY = {**GPU, "more_remotes": "[{name: gpu2, host: gpu2.example.org}]"}
# Each kind of edit meets each file, since each case begins with another kind.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("v0.1.0", {}),
    ("v0.1.0", {**MANY, "service": "tmux", "notebooks_in_git": "both-stripped"}),
    ("v0.1.0", {**CONDA, "service": "systemd-system"}),
    ("notebooks", GPU),
    ("places", {**CONDA, **MANY}),
]

TWICE = (1, 4)  # a second update, which takes as long, changes nothing


@pytest.mark.parametrize("case", range(len(CASES)))
def test_no_edit_is_lost(laptop: Laptop, case: int) -> None:
    release, answers = CASES[case]
    project = Updating(laptop, release, answers)
    marks, gone = edit_everything(project, first=case)
    head = project.git("rev-parse", "HEAD")
    before = project.contents()
    done = project.update()
    after = project.contents()
    found = {
        mark: [path for path in after if mark.encode() in after[path]] for mark in marks
    }
    assert {mark: paths for mark, paths in found.items() if len(paths) != 1} == {}
    doubled = [m for m in marks if sum(t.count(m.encode()) for t in after.values()) > 1]
    assert doubled == []
    assert {path for path in gone if path in after} == set()
    assert {p for p in before if p.endswith(".mine") and after[p] != before[p]} == set()
    # What is unmerged is known to git, and nothing is rejected.
    assert {path for path in after if MARKERS.search(after[path])} == project.unmerged()
    assert not [path for path in after if path.endswith(".rej")]
    for path in after:
        if path.startswith("before-update/"):
            assert path in done.stderr
    assert project.git("rev-parse", "HEAD") == head
    if case in TWICE:
        project.commit("updated")
        project.update()
        assert project.git("status", "--porcelain") == ""


def test_each_release_is_updated_from() -> None:
    assert {release for release, _ in CASES} == set(RELEASES)


# --- What Copier alone would lose -----------------------------------------------------

OLD = "home/remote/.config/titanic"
NEW = "home/remote/.config/remote-lab/titanic"


def test_an_edit_moves_with_its_file(laptop: Laptop) -> None:
    project = Updating(laptop, "v0.1.0")
    append(project.root / OLD / "jupyter/labconfig/page_config.json", "MINE")
    (project.root / OLD / "system/enable").unlink()
    project.commit("edited")
    done = project.update()
    config = project.root / NEW / "jupyter/labconfig/page_config.json"
    assert config.read_text().endswith("MINE\n")
    assert f"{OLD}/jupyter/labconfig/page_config.json is {NEW}" in done.stderr
    assert not (project.root / NEW / "system/enable").exists()
    assert "it stays deleted" in done.stderr
    assert project.unmerged() == set()


def test_an_edit_in_a_removed_file_is_kept_aside(laptop: Laptop) -> None:
    project = Updating(laptop, "places")
    append(project.root / "remote_lab/cli.py", "MINE = 1")
    mine = (project.root / "remote_lab/cli.py").read_bytes()
    project.commit("edited")
    done = project.update()
    kept = project.root / "before-update/remote_lab/cli.py"
    assert kept.read_bytes() == mine
    assert f"{kept.relative_to(project.root)}." in done.stderr
    assert "?? before-update/" in project.git("status", "--porcelain")
    assert len(done.stderr.splitlines()) == 1  # nothing about the files left as made


@pytest.mark.parametrize("theirs", [True, False])
def test_what_git_ignores_is_merged(laptop: Laptop, theirs: bool) -> None:
    """A file of the user's own, and one of the template's that the user ignores."""
    project = Updating(laptop, "v0.1.0")
    path = "jupytext.toml" if theirs else "notebooks/00-start.py"
    (project.root / ".git/info/exclude").write_text(f"/{path}\n")
    if theirs:
        project.git("rm", "-q", "--cached", path)
    with (project.root / path).open("a") as file:
        file.write("# MINE\n")
    project.commit("edited")
    done = project.update()
    text = (project.root / path).read_text()
    assert text.count("# MINE\n") == 1
    assert f"git ignores {path}" in done.stderr
    assert ("a conflict to resolve" in done.stderr) == (not theirs)
    assert path not in project.files()
    assert path not in project.git("status", "--porcelain")


# --- What is refused ------------------------------------------------------------------


@pytest.mark.parametrize("how", ["data", "answers file"])
def test_a_changed_short_name_is_refused(laptop: Laptop, how: str) -> None:
    project = Updating(laptop, "v0.1.0")
    words = ["-d", "project_slug=iceberg"] if how == "data" else []
    if how != "data":
        answers = project.root / ".copier-answers.yml"
        text = answers.read_text()
        answers.write_text(text.replace("slug: titanic", "slug: iceberg"))
        project.commit("another name")
    before = project.contents()
    done = project.update(*words, check=False)
    assert done.returncode == 1
    assert '"iceberg", but the project is "titanic"' in done.stderr
    assert "docs/updates.md" in done.stderr
    assert "Nothing was changed." in done.stderr
    assert project.contents() == before
    assert project.git("status", "--porcelain") == ""


def test_another_name_is_no_other_short_name(laptop: Laptop) -> None:
    project = Updating(laptop, "v0.1.0")
    project.update("-d", "project_name=Iceberg", "-d", "project_slug=titanic")
    assert "Iceberg" in (project.root / "README.md").read_text()
    assert (project.root / "src/titanic").is_dir()


def test_without_what_it_needs_an_update_is_refused(laptop: Laptop) -> None:
    project = Updating(laptop, "v0.1.0")
    project.git("rm", "-q", "remote", "remote.toml")
    project.commit("deleted")
    before = project.contents()
    done = project.update(check=False)
    assert done.returncode == 1
    assert "has no remote and no remote.toml" in done.stderr
    assert project.contents() == before
    # What it advises helps.
    advised = re.search("To bring it back: (.*)", done.stderr)
    assert advised
    laptop.run("sh", "-c", advised[1], cwd=project.root)
    assert project.git("diff", "--name-only", "HEAD~2") == ""


# --- How it may be done ---------------------------------------------------------------


def test_edits_that_clash_are_rejected_on_request(laptop: Laptop) -> None:
    """With --conflict rej: the template's lines in the file, the user's beside it."""
    project = Updating(laptop, "v0.1.0")
    settings = project.root / "remote.toml"
    text = settings.read_text()
    settings.write_text(text.replace("lab_port = 8000", "lab_port = 9000"))
    append(project.root / OLD / "lab", "MINE")
    project.commit("edited")
    project.update("--conflict", "rej", "-d", "lab_port=8123")
    assert "lab_port = 8123" in settings.read_text()
    assert "lab_port = 9000" in (project.root / "remote.toml.rej").read_text()
    assert "?? remote.toml.rej" in project.git("status", "--porcelain")
    # What has moved is merged, or marked, as ever.
    assert (project.root / NEW / "lab").read_text().count("MINE") == 1


@pytest.mark.needs("uv", "network")
def test_the_oldest_and_the_newest_copier(laptop: Laptop) -> None:
    """Teammates have different ones; a project goes from one to the other."""
    oldest = yaml.safe_load((ROOT / "copier.yml").read_text())["_min_copier_version"]
    project = Updating(laptop, "v0.1.0")
    (project.root / "src/titanic/mine.py").write_text("MINE = 1\n")
    append(project.root / "remote_lab/cli.py", "MINE = 1")
    project.commit("edited")
    changes: list[str] = []
    for version in (f"=={oldest}", f">={oldest},<10"):
        laptop.run(
            *("uv", "tool", "run", "-q", "--from", f"copier{version}"),
            *("copier", "update", "-q", "--trust", "--defaults"),
            cwd=project.root,
        )
        assert project.unmerged() == set()
        assert (project.root / "before-update/remote_lab/cli.py").exists()
        changes.append(project.git("status", "--porcelain"))
        project.commit("updated")
    assert changes[0]
    assert changes[1] == ""
