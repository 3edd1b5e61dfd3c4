"""The house rules that a program can check, over the template and over itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from remote_lab.settings import BACKENDS
from remote_lab.transport.program import SH

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (
    "src/remote_lab",
    "template/home",
    "template/src",
    "tests",
    "tools",
    "hooks",
    "cookiecutter/hooks",
    "benchmarks",
)
# By its path: mypy takes its folder for a package.
HOOK = "cookiecutter/hooks/post_gen_project.py"
SHELL = sorted((ROOT / "src/remote_lab").glob("**/*.sh"))


def tool(*argv: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        argv, cwd=cwd, check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_black() -> None:
    # A diff would take ten times as long: then black does not use its cache.
    tool(sys.executable, "-m", "black", "--check", *PYTHON)


def test_ruff() -> None:
    tool(sys.executable, "-m", "ruff", "check", "--no-cache", *PYTHON)


def test_mypy() -> None:
    package = str(*(ROOT / "template/src").glob("*/display.py"))
    own = ("src/remote_lab", "tests", "tools", "hooks", "benchmarks", HOOK)
    tool(sys.executable, "-m", "mypy", *own, package)


@pytest.mark.needs("shellcheck")
@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.stem)
def test_shellcheck(path: Path) -> None:
    # SC2154: the values come with the call. SC2034: another file uses it.
    # SC2015: A && B || C, where C shall run when B fails too.
    tool("shellcheck", "-s", "sh", "-e", "SC2154,SC2034,SC2015", str(path))


@pytest.mark.needs("dash", "busybox")
@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.stem)
def test_parses_in_every_shell(path: Path) -> None:
    for shell in (["dash"], ["busybox", "sh"], ["bash", "--posix"]):
        tool(*shell, "-n", str(path))


def test_a_backend_is_one_file_with_four_functions() -> None:
    for name in BACKENDS:
        function = name.replace("-", "_")
        text = (SH / f"backends/{function}.sh").read_text()
        for what in ("ready", "start", "stop", "leave"):
            assert f"\n{function}_{what}() {{" in text, (name, what)


def test_no_file_is_much_too_long() -> None:
    python = [*ROOT.glob("template/**/*.py"), *ROOT.glob("tests/*.py")]
    for path in [*python, *ROOT.glob("benchmarks/*.py"), *SHELL]:
        assert len(path.read_text().splitlines()) <= 440, path


def test_workflow_and_ci_call_the_readmes_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text().split("## ")[0]
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert ".ci/run" in (ROOT / ".github/workflows/tests.yml").read_text()
