"""Save merges by itself no change that has programs run here, and no loss.

The remote is hostile: its commits are made by hand, and sent as save has them sent.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import told
from hostile import Hostile, called, outside
from laptop import Laptop
from project import Project
from test_save_hostile import bundled, git

PWNED = "#!/bin/sh\ntouch ~/PWNED\n"
# What a remote may send: the path, its content, and whether it can be run or is a link.
STOPS = {
    "the command": ("remote", PWNED, "x"),
    "its modules": ("remote_lab/cli.py", "import os\n", "f"),
    "the hooks' program": ("remote_lab/pairs/hook.sh", PWNED, "f"),
    "no case": ("Remote_Lab/pairs/hook.sh", PWNED, "f"),
    "not to be seen": ("remote_l\u200dab/pairs/hook.sh", PWNED, "f"),
    "dotfiles": ("home/remote/.profile", PWNED, "f"),
    "the laptop's dotfiles": ("home/laptop/.ssh/rc", PWNED, "f"),
    "pre-commit": (".pre-commit-config.yaml", "repos: []\n", "f"),
    "attributes": ("src/.gitattributes", "* filter=x\n", "f"),
    "modules": (".gitmodules", "[submodule]\n", "f"),
    "hooks": ("hooks/post-merge", PWNED, "f"),
    "answers": (".copier-answers.yml", "_src_path: x\n", "f"),
    "remotes": ("remote.toml", "slug = 'x'\n", "f"),
    "build": ("pyproject.toml", "[build-system]\n", "f"),
    "lock": ("uv.lock", "x\n", "f"),
    "jupytext": ("jupytext.toml", "x\n", "f"),
    "direnv": ("notebooks/.envrc", "touch ~/PWNED\n", "f"),
    "an editor": (".vscode/tasks.json", "{}\n", "f"),
    "CI": (".github/workflows/x.yml", "on: push\n", "f"),
    "make": ("Makefile", "all:\n\ttouch ~/PWNED\n", "f"),
    "executable": ("src/run", PWNED, "x"),
    "becomes executable": ("README.md", "#!/bin/sh\n", "x"),
    "a link": ("src/titanic/link.py", "/etc/passwd", "l"),
    "a link in place of a file": ("README.md", "/etc/passwd", "l"),
    "empty": ("README.md", "", "f"),
}
COMES = {
    "code": ("src/titanic/new.py", "x = 1\n", "f"),
    "a script": ("notebooks/new.py", "# %%\nx = 1\n", "f"),
    "changed": ("README.md", "# Titanic\n", "f"),
    "new and empty": ("src/titanic/sub/__init__.py", "", "f"),
    "ignored": (".gitignore", "*.csv\n", "f"),
    "data": ("data/a b ü.csv", "1\n", "f"),
}
MODES = {"f": "100644", "x": "100755", "l": "120000"}
LOOK = "git diff HEAD...titanic/saved"
MERGE = "git -c core.hooksPath=/dev/null merge titanic/saved"


@pytest.fixture
def project(laptop: Laptop) -> Project:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    hook = project.root / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n[ ! -e remote_lab ] || touch ~/HOOK\n")
    hook.chmod(0o755)
    return project


@pytest.fixture
def hostile(laptop: Laptop, tmp_path: Path) -> Hostile:
    return Hostile(laptop, tmp_path)


class There:
    """The hostile remote's clone."""

    def __init__(self, project: Project, hostile: Hostile, folder: Path) -> None:
        self.root = folder / "there"
        self.hostile = hostile
        project.laptop.run("git", "clone", "-q", project.root, self.root)
        self.head = git(self.root, "rev-parse", "HEAD")

    def sends(self, *files: tuple[str, str, str]) -> str:
        """Have it send a commit with these changes, and give the commit's name."""
        git(self.root, "read-tree", self.head)
        for path, content, kind in files:
            words = ("hash-object", "-w", "--stdin")
            blob = git(self.root, *words, data=content.encode())
            entry = f"{MODES[kind]},{blob},{path}"
            git(self.root, "update-index", "--add", "--cacheinfo", entry)
        made = git(self.root, "write-tree")
        commit = git(self.root, "commit-tree", "-m", "x", "-p", self.head, made)
        lines = bundled(self.root, commit, self.head)
        self.hostile.says(f"commit\t{commit}\tmain", *lines)
        return commit


@pytest.fixture
def there(project: Project, hostile: Hostile, tmp_path: Path) -> There:
    return There(project, hostile, tmp_path)


def test_what_has_programs_run_is_not_merged(
    project: Project, there: There, counted: Callable[[str], None]
) -> None:
    for kind, (path, content, how) in STOPS.items():
        commit = there.sends((path, content, how), COMES["code"])
        done = called(project, "save")
        told(done, 1, "titanic/saved", "not merged", "Your branch is as it was")
        assert f"\n    {path}: ".replace("\u200d", "\\u200d") in done.stderr, kind
        assert "new.py" in done.stderr.split("✗")[0]  # it shows all that comes
        assert LOOK in done.stderr
        assert MERGE in done.stderr
        assert git(project.root, "rev-parse", "HEAD") == there.head, kind
        assert git(project.root, "rev-parse", "titanic/saved") == commit
        assert git(project.root, "status", "--porcelain") in ("", "?? remote_lab/")
    # Once more: it is still not merged.
    told(called(project, "save"), 1, "not merged")
    # What it advises works, and runs no hook.
    assert (
        "a/README.md" in project.laptop.run("sh", "-c", LOOK, cwd=project.root).stdout
    )
    project.laptop.run("sh", "-c", MERGE, cwd=project.root)
    assert git(project.root, "rev-parse", "HEAD") == commit
    assert not [path for path in project.laptop.home.iterdir() if path.name.isupper()]
    counted(f"{len(STOPS)} kinds of files that save leaves to the user")


def test_all_else_is_merged_without_hooks(project: Project, there: There) -> None:
    commit = there.sends(*COMES.values())
    done = called(project, "save")
    assert done.returncode == 0, done.stderr
    assert "data/a b ü.csv" in done.stderr
    assert git(project.root, "rev-parse", "HEAD") == commit
    assert not (project.laptop.home / "HOOK").exists()


def test_deleted_files_of_ours_stop_it_too(project: Project, there: There) -> None:
    git(there.root, "rm", "-q", "-r", "--cached", "home/remote")
    tree = git(there.root, "write-tree")
    commit = git(there.root, "commit-tree", "-m", "x", "-p", there.head, tree)
    lines = bundled(there.root, commit, there.head)
    there.hostile.says(f"commit\t{commit}\tmain", *lines)
    told(called(project, "save"), 1, "home/remote/", "not merged")


def test_many_files_are_shown_in_a_few_lines(project: Project, there: There) -> None:
    many = [(f"bin/{number}\x1b[2J", PWNED, "x") for number in range(500)]
    there.sends(*many)
    done = called(project, "save")
    told(done, 1, "and 480 more", "500 files changed")
    assert len(done.stderr.splitlines()) < 70
    assert "\x1b" not in done.stderr


@pytest.mark.needs("uv")
def test_no_write_goes_through_a_link(project: Project, there: There) -> None:
    """A dangling link in a notebook's place, and the script that it would follow."""
    evil = project.laptop.home / ".profile-evil"
    link = ("notebooks/x.ipynb", str(evil), "l")
    folder = ("notebooks/sub", str(project.laptop.home), "l")
    script = ("notebooks/x.py", "# %%\nx = 1\n", "f")
    project.remote("pairs", check=False)  # makes what it makes at any time
    before = outside(project, "titanic/", ".cache")
    there.sends(link, folder, script)
    told(called(project, "save"), 1, "notebooks/x.ipynb: a link", "not merged")
    assert not (project.root / "notebooks/x.ipynb").is_symlink()
    assert not (project.root / "notebooks/x.py").exists()
    assert outside(project, "titanic/", ".cache") == before


def test_a_branch_elsewhere_is_judged_too(project: Project, there: There) -> None:
    git(project.root, "checkout", "-q", "-b", "other")
    there.sends(STOPS["make"])
    told(called(project, "save"), 1, "Makefile", f"git checkout main && {MERGE}")
    line = f"git checkout -q main && {MERGE}"
    subprocess.run(["sh", "-c", line], cwd=project.root, check=True)
