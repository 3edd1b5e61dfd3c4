"""The program that a project pins: whatever the template was called, and offline."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from laptop import Laptop
from process import Completed
from releases import reference, releases
from render import ROOT, snapshot, template

pytestmark = [pytest.mark.needs("uv", "network"), pytest.mark.xdist_group("pinned")]

# Those of which the program is fetched as well: the others differ in their text alone.
FETCHED = ("gh:lab/tpl", "git@example.org:lab/tpl.git")
NUMBER = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMMIT = re.compile(rf"remote-lab {re.escape(NUMBER)} \(([0-9a-f]{{40}})\)\n")
# What was typed for the template, and the address that git, uv and pre-commit get.
ADDRESSES = {
    "https://example.org/lab/tpl.git": "https://example.org/lab/tpl.git",
    "git+https://example.org/lab/tpl.git": "https://example.org/lab/tpl.git",
    "https://github.com/lab/tpl": "https://github.com/lab/tpl",
    "gh:lab/tpl": "https://github.com/lab/tpl.git",
    "gh:lab/tpl.git": "https://github.com/lab/tpl.git",
    "gl:lab/tpl": "https://gitlab.com/lab/tpl.git",
    "git@example.org:lab/tpl.git": "ssh://git@example.org/lab/tpl.git",
    "ssh://git@example.org:2222/lab/tpl.git": "ssh://git@example.org:2222/lab/tpl.git",
}


def copy(laptop: Laptop, source: str | Path, folder: str = "lab") -> Path:
    """A project that is generated without the hook; its folder."""
    command = ("copier", "copy", "-q", "--defaults", "--skip-tasks")
    laptop.run(*command, "--vcs-ref", "HEAD", "-d", "project_name=Lab", source, folder)
    laptop.run("git", "init", "-q", laptop.home / folder)
    return laptop.home / folder


def header(project: Path) -> dict[str, str]:
    """Where ./remote gets its program from: what its first lines say."""
    lines = (project / "remote").read_text().splitlines()
    block = lines[lines.index("# /// script") + 1 : lines.index("# ///")]
    parsed = tomllib.loads("\n".join(line[2:] for line in block))
    assert parsed["dependencies"] == ["remote-lab"]
    source: dict[str, str] = parsed["tool"]["uv"]["sources"]["remote-lab"]
    return source


def hook(project: Path) -> dict[str, str]:
    """Where pre-commit gets the pair hook from."""
    config = yaml.safe_load((project / ".pre-commit-config.yaml").read_text())
    found: dict[str, str] = config["repos"][-1]
    return found


def version(laptop: Laptop, project: Path, **options: bool) -> Completed:
    return laptop.run("./remote", "--version", cwd=project, **options)  # type: ignore[arg-type]


def head(repository: Path) -> str:
    look = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(look, cwd=repository, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


# --- Every way of naming a template ---------------------------------------------------


@pytest.mark.parametrize("typed", ADDRESSES)
def test_an_address(laptop: Laptop, typed: str) -> None:
    """git's own insteadOf leads each address to a folder: all else is real."""
    address = ADDRESSES[typed]
    asked = {address, typed.removeprefix("git+"), f"{address.removesuffix('.git')}.git"}
    for name in sorted(asked):
        key = f"url.file://{template()}.insteadOf"
        laptop.run("git", "config", "--global", "--add", key, name)
    project = copy(laptop, typed)
    assert header(project) == {"git": address, "rev": head(template())}
    assert (hook(project)["repo"], hook(project)["rev"]) == tuple(
        header(project).values()
    )
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["_src_path"] == typed
    if typed not in FETCHED:
        return
    assert COMMIT.fullmatch(version(laptop, project).stdout)
    update = ("copier", "update", "-q", "--trust", "--defaults", "--vcs-ref", "HEAD")
    laptop.run("git", "add", "-A", cwd=project)
    laptop.run("git", "commit", "-qm", "as generated", cwd=project)
    laptop.run(*update, cwd=project)
    assert not laptop.run("git", "status", "--porcelain", cwd=project).stdout


@pytest.mark.parametrize("how", ["whole", "shallow", "relative", "home", "file://"])
def test_a_repository_on_this_machine(laptop: Laptop, how: str) -> None:
    folder = laptop.home / "the template"
    depth = ["--depth", "1"] if how == "shallow" else []
    laptop.run("git", "clone", "-q", *depth, f"file://{template()}", folder)
    typed = {
        "relative": "the template",
        "home": "~/the template",
        "file://": f"file://{folder}/.git".replace(" ", "%20"),
    }.get(how, str(folder))
    project = copy(laptop, typed)
    assert header(project)["rev"] == head(folder)
    assert COMMIT.fullmatch(version(laptop, project).stdout)
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    named = answers["_src_path"]
    assert named == (typed if how == "file://" else str(folder))
    # From another folder, it leads to the same place.
    laptop.run("git", "add", "-A", cwd=project)
    laptop.run("git", "commit", "-qm", "as generated", cwd=project)
    update = ("copier", "update", "-q", "--trust", "--defaults", "--vcs-ref", "HEAD")
    laptop.run(*update, cwd=project)
    assert not laptop.run("git", "status", "--porcelain", cwd=project).stdout


def test_a_folder_without_git(laptop: Laptop) -> None:
    folder = snapshot(laptop.home / "template")
    project = copy(laptop, "template")
    assert header(project) == {"path": str(folder)}
    assert version(laptop, project).stdout == f"remote-lab {NUMBER}\n"
    assert hook(project)["repo"] == "local"
    laptop.run("git", "add", "-A", cwd=project)
    run = ("pre-commit", "run", "notebooks", "--all-files")
    assert "Passed" in laptop.run(*run, cwd=project, timeout=300).stdout


def test_a_checkout_of_ones_own(laptop: Laptop) -> None:
    """As CONTRIBUTING.md has it: edits of the program count at once."""
    folder = snapshot(laptop.home / "remote-lab")
    project = copy(laptop, template())
    assert COMMIT.fullmatch(version(laptop, project).stdout)
    remote = project / "remote"
    ours = '# remote-lab = { path = "../remote-lab", editable = true }'
    assert ours.strip("# ") in (ROOT / "CONTRIBUTING.md").read_text()
    remote.write_text(re.sub("(?m)^# remote-lab = .*", ours, remote.read_text()))
    assert version(laptop, project).stdout == f"remote-lab {NUMBER}\n"
    (folder / "src/remote_lab/version.py").write_text("def version(): return 'mine'\n")
    assert version(laptop, project).stdout == "remote-lab mine\n"


# --- Starting -------------------------------------------------------------------------


def test_it_is_short(laptop: Laptop) -> None:
    assert len((copy(laptop, template()) / "remote").read_text().splitlines()) <= 25


def test_it_starts_offline_once_it_has_started(laptop: Laptop) -> None:
    folder = laptop.home / "template"
    shutil.copytree(template(), folder)
    project = copy(laptop, folder)
    version(laptop, project)
    folder.rename(laptop.home / "away")
    laptop.env["UV_OFFLINE"] = "1"
    assert COMMIT.fullmatch(version(laptop, project).stdout)
    assert "the lab" in laptop.run("./remote", "--help", cwd=project).stdout


@pytest.mark.parametrize("how", ["whole", "without git"])
def test_a_source_that_is_not_there_is_named(laptop: Laptop, how: str) -> None:
    folder = laptop.home / "template"
    snapshot(folder) if how == "without git" else shutil.copytree(template(), folder)
    project = copy(laptop, folder)
    folder.rename(laptop.home / "away")
    done = version(laptop, project, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "could not fetch its program from" in line
    assert f'"{folder}"' in line or f'"file://{folder}"' in line
    (laptop.home / "away").rename(folder)
    assert version(laptop, project).returncode == 0


def test_without_uv_it_says_so(laptop: Laptop) -> None:
    project = copy(laptop, template())
    path = {"PATH": "/usr/bin:/bin"}
    done = laptop.run("./remote", "status", cwd=project, env=path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("./remote needs uv: https://")


# --- Projects that were made before ---------------------------------------------------


@pytest.mark.parametrize("made_by", ["notebooks", "places"])
def test_an_update_takes_the_program_out(laptop: Laptop, made_by: str) -> None:
    command = ("copier", "copy", "-q", "--defaults", "--skip-tasks")
    answers = ("project_name=Lab", "push_now=false", "setup_laptop=false")
    given = [word for answer in answers for word in ("-d", answer)]
    laptop.run(*command, "--vcs-ref", reference(made_by), *given, releases(), "lab")
    project = laptop.home / "lab"
    assert (project / "remote_lab/cli.py").exists()
    laptop.run("git", "init", "-q", project)
    laptop.run("./remote", "tunnel", "status", cwd=project)  # Python leaves its caches
    mine = project / "src/lab/mine.py"
    mine.write_text("MINE = 1\n")
    toml = project / "remote.toml"
    toml.write_text(toml.read_text() + "# mine\n")
    laptop.run("git", "add", "-A", cwd=project)
    laptop.run("git", "commit", "-qm", "as generated", cwd=project)
    laptop.run("copier", "update", "-q", "--trust", "--defaults", cwd=project)
    left = [path for path in (project / "remote_lab").rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} <= {"__pycache__"}
    assert mine.read_text() == "MINE = 1\n"
    assert toml.read_text().endswith("# mine\n")
    assert COMMIT.fullmatch(version(laptop, project).stdout)
    laptop.run("git", "add", "-A", cwd=project)
    laptop.run("git", "commit", "-qm", "updated", cwd=project)
    laptop.run("./remote", "setup", cwd=project, timeout=300)
    assert "in sync" in laptop.run("./remote", "pairs", "--check", cwd=project).stdout
    assert not (project / "remote_lab").exists()
