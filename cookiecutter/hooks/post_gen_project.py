"""What cookiecutter runs in the project's folder: Copier, with the answers given.

It ends with 1 where there will be no project: cookiecutter then deletes the folder.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

# cookiecutter renders this line: JSON, in which Jinja escapes each quote.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")


def source(repository: Path, template: str) -> "tuple[str, str]":
    """Where Copier finds this template, and at which version.

    Args:
        repository: The folder in which cookiecutter has it.
        template: What the user typed for it.

    Raises:
        SystemExit: No update could find it again.
    """
    if Path(template).expanduser().is_dir():
        return str(repository.resolve()), ANSWERS["_checkout"] or "HEAD"
    if not (repository / ".git").exists():
        raise SystemExit(
            "A zip has no versions, so the project could not be updated. Nothing was"
            " made.\nUse the address of the git repository instead of the zip."
        )

    def git(*words: str) -> str:
        command = ["git", "-C", str(repository), *words]
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()

    # As it was cloned: `git remote get-url` would apply insteadOf.
    address = git("config", "remote.origin.url")
    if "://" in address and not address.endswith(".git"):
        address = f"git+{address}"  # or Copier takes it for a folder
    return address, git("rev-parse", "HEAD")


def main() -> int:
    """Write the project.

    Returns:
        The exit code.
    """
    Path(".placeholder").unlink()
    folder = Path.cwd()
    os.chdir(os.environ.get("PWD", ANSWERS["_output_dir"]))  # what paths were typed in
    try:
        importlib.import_module("copier")
    except ImportError:
        print(
            "Copier writes the project, and it is not installed here. Nothing was made."
            "\nType: uvx --with copier cookiecutter ...   (or: pipx inject cookiecutter"
            " copier)",
            file=sys.stderr,
        )
        return 1
    address, version = source(Path(ANSWERS["_repo_dir"]).parent, ANSWERS["_template"])
    command = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults"]
    command += ["--overwrite", "--vcs-ref", version]
    for name, answer in ANSWERS.items():
        if not name.startswith("_") and answer != "":
            command += ["-d", f"{name}={answer}"]
    return subprocess.run(
        [*command, address, os.path.relpath(folder)], check=False
    ).returncode


sys.exit(main())
