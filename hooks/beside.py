"""The template's version of files that an existing project keeps: beside the user's.

For hooks/post_copy.py. It runs under Copier's own Python, 3.9 or later, in the
project's folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

ENDING = ".remote-lab"
# Of use beside a README.rst and a setup.py as well.
ALWAYS = ("README.md", "pyproject.toml")


def write_beside(answers_file: str) -> list[str]:
    """Write NAME.remote-lab for each file that was not written, unless it is there.

    Args:
        answers_file: The file with the project's answers.

    Returns:
        The files that are new.
    """
    import copier  # Copier's own
    import yaml

    recorded = yaml.safe_load(Path(answers_file).read_text(encoding="utf-8"))
    answers = {key: value for key, value in recorded.items() if key[0] != "_"}
    new = []
    with tempfile.TemporaryDirectory() as folder:
        copier.run_copy(
            recorded["_src_path"],
            folder,
            data={**answers, "kept_files": []},
            vcs_ref=recorded.get("_commit"),
            defaults=True,
            quiet=True,
            skip_tasks=True,
        )
        for name in answers["kept_files"]:
            content, mine = Path(folder, name), Path(name)
            beside = mine.with_name(mine.name + ENDING)
            wanted = mine.is_file() or name in ALWAYS
            if not wanted or not content.is_file() or beside.exists():
                continue
            if not mine.is_file() or mine.read_bytes() != content.read_bytes():
                beside.write_bytes(content.read_bytes())
                new.append(str(beside))
    return new
