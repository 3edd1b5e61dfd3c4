"""Make a release of what is committed here: release.py VERSION, such as 0.2.0.

pyproject.toml has the version (uv.lock repeats it), CHANGELOG.md gets the date, the
suite runs with no test skipped, then the release is committed and tagged. Nothing is
pushed. Whatever fails, files and tags are as before.
"""

import datetime
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
FILES = ("pyproject.toml", "uv.lock", "CHANGELOG.md")
UNRELEASED = "## Unreleased\n"
# Releases that were not tagged when they were made.
FORMER = {"v0.1.0": "05d0e6c"}


class Refused(Exception):
    """What is wrong, in a sentence; and what to do."""


def git(*words: str) -> str:
    """Run git in this repository.

    Returns:
        What it wrote to standard output.

    Raises:
        subprocess.CalledProcessError: It failed; it has said why.
    """
    done = subprocess.run(
        ["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def number(version: str) -> tuple[int, ...]:
    """A version as numbers, which compare as versions do.

    Raises:
        Refused: It is not three numbers.
    """
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise Refused(
            f"{version or 'Nothing'} is no version. Type for example:"
            " make release VERSION=0.2.0"
        )
    return tuple(map(int, version.split(".")))


def check(version: str) -> None:
    """Look for what speaks against a release.

    Args:
        version: The release's, such as 0.2.0.

    Raises:
        Refused: Something does.
    """
    former = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    current = former["project"]["version"]
    if number(version) <= number(current):
        raise Refused(
            f"{version} is not newer than {current}, which is in pyproject.toml."
        )
    if f"v{version}" in git("tag").split():
        raise Refused(f"The tag v{version} exists. Choose another version.")
    if git("status", "--porcelain"):
        raise Refused("There are changes that are not committed. See: git status")
    _, _, text = CHANGELOG.read_text(encoding="utf-8").partition(UNRELEASED)
    if not text.partition("\n## ")[0].strip():
        raise Refused("CHANGELOG.md has nothing below Unreleased: what is new?")


def write(version: str) -> None:
    """Write the version into pyproject.toml and uv.lock, and date the changelog."""
    subprocess.run(["uv", "version", "-q", "--no-sync", version], cwd=ROOT, check=True)
    today = datetime.date.today().isoformat()
    text = CHANGELOG.read_text(encoding="utf-8")
    dated = f"{UNRELEASED}\n## {version} ({today})\n"
    CHANGELOG.write_text(text.replace(UNRELEASED, dated, 1), encoding="utf-8")


def run_suite(start: str) -> None:
    """Run the suite.

    Args:
        start: The commit that the release is made from.

    Raises:
        subprocess.CalledProcessError: A test failed.
        Refused: Something else was changed or committed while it ran.
    """
    env = {**os.environ, "REMOTE_LAB_NO_SKIP": "1"}
    subprocess.run(["tools/test"], cwd=ROOT, check=True, env=env)
    others = [f":!{name}" for name in FILES]
    if git("rev-parse", "HEAD").strip() != start or git(
        "status", "--porcelain", "--", *others
    ):
        raise Refused("Something was changed while the suite ran. Try again.")


def commit(version: str, start: str) -> None:
    """Commit the release and tag it; both or nothing.

    Args:
        version: The release's.
        start: The commit that it is made from.

    Raises:
        subprocess.CalledProcessError: git did not take it.
    """
    git("commit", "-q", "-m", f"Release {version}", "--", *FILES)
    made: list[str] = []
    try:
        there = git("tag").split()
        for tag, at in {**FORMER, f"v{version}": "HEAD"}.items():
            if tag not in there:
                git("tag", "-a", "-m", f"Remote Lab {tag.removeprefix('v')}", tag, at)
                made.append(tag)
    except BaseException:
        for tag in made:
            git("tag", "-d", tag)
        git("reset", "-q", "--soft", start)
        raise


def main(version: str) -> int:
    """Make the release.

    Args:
        version: As it was typed.

    Returns:
        The exit code.
    """
    try:
        check(version)
    except Refused as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    start = git("rev-parse", "HEAD").strip()
    try:
        write(version)
        run_suite(start)
        commit(version, start)
    except (
        Refused,
        subprocess.CalledProcessError,
        OSError,
        KeyboardInterrupt,
    ) as error:
        git("restore", "--staged", "--worktree", "--", *FILES)
        why = str(error) or "It was interrupted."
        print(f"{why}\nThere is no release: all is as before.", file=sys.stderr)
        return 1
    print(f"Remote Lab {version} is committed and tagged here. To publish it:")
    print(f"  git push --atomic origin HEAD {' '.join([*FORMER, f'v{version}'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
