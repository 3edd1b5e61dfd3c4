"""Write cookiecutter/cookiecutter.json from the questions of copier.yml.

tools/cookiecutter_json.py [--check]: with --check nothing is written; it ends with 1
where the file is not what copier.yml says.
"""

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "cookiecutter" / "cookiecutter.json"
# The questions that Copier asks of somebody who does not ask for all, and the defaults
# that it has with --defaults. cookiecutter can't pass over a question.
ASKED = {
    "project_name": "My Lab",
    "remote_host": "sandbox",
    "remote_user": "",
    "setup_laptop": "{{ 'no' if cookiecutter.remote_host == 'sandbox' else 'yes' }}",
    "push_now": "yes",
}


def content() -> str:
    """What the file should be."""
    questions = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    prompts = {name: questions[name]["help"].strip() for name in ASKED}
    # Two underscores: rendered, and not asked.
    folder = "{{ cookiecutter.project_name | slugify or 'lab' }}"
    data = {**ASKED, "__folder": folder, "__prompts__": prompts}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or compare.

    Returns:
        1 if it was to be compared, and differs.
    """
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(content(), encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != content():
        print(f"{FILE} is not what copier.yml says. Type: make questions")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
