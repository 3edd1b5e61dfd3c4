"""What an update does with edits, as functions: see hooks/update_edits.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from render import ROOT

sys.path.insert(0, str(ROOT / "hooks"))
from update_edits import edited, merge, moved, refusal, template_paths

SETTINGS = 'slug = "titanic"\nid = "0123456789abcdef"\n'
ALL = ("README.md", "remote", "remote.toml")


def test_a_project_as_it_should_be_is_updated() -> None:
    assert refusal(ALL, SETTINGS, "titanic", "") is None
    assert refusal(ALL, SETTINGS, "titanic", "titanic") is None
    # A remote.toml without a name is for ./remote to complain about.
    assert refusal(ALL, "", "titanic", "") is None


@pytest.mark.parametrize("gone", ["remote", "remote.toml"])
def test_what_is_missing_is_named(gone: str) -> None:
    why = refusal(set(ALL) - {gone}, SETTINGS, "titanic", "")
    assert why
    assert f"no {gone}," in why
    assert f"-- {gone} && git commit " in why


@pytest.mark.parametrize(("recorded", "wanted"), [("titanic", "new"), ("new", "")])
def test_another_short_name_is_refused(recorded: str, wanted: str) -> None:
    why = refusal(ALL, SETTINGS, recorded, wanted)
    assert why
    assert 'has "new", but the project is "titanic"' in why


def test_paths_of_the_template() -> None:
    listed = [
        "README.md.jinja",
        "src/{{ package_name }}/display.py",
        "home/remote/.config/{{ project_slug }}/lab.jinja",
        "{{ _copier_conf.answers_file }}.jinja",
    ]
    assert template_paths(listed, "my-lab") == {
        "README.md",
        "src/my_lab/display.py",
        "home/remote/.config/my-lab/lab",
    }


def test_where_a_file_is_now() -> None:
    old = "home/laptop/.config/titanic/aliases.sh"
    assert moved(old, "titanic") == "home/laptop/.config/remote-lab/titanic/aliases.sh"
    assert moved("home/laptop/.config/other/aliases.sh", "titanic") is None
    assert moved("README.md", "titanic") is None


def test_what_is_edited(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("x")
    (tmp_path / "other").write_text("x")
    mine = {"same": b"x", "other": b"y", "mine": b"z"}
    assert edited(mine, tmp_path) == {"other": b"y", "mine": b"z"}


def test_a_merge() -> None:
    base = b"a\nb\nc\nd\ne\n"
    new = base.replace(b"a", b"A")
    assert merge(base + b"mine\n", base, new) == (new + b"mine\n", False)
    merged, conflict = merge(base.replace(b"a", b"mine"), base, new)
    assert conflict
    assert merged.startswith(
        b"<<<<<<< before updating\nmine\n=======\nA\n>>>>>>> after"
    )


def test_updates_run_it_and_nothing_else() -> None:
    """Whatever a migration does, each later update does again."""
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    for stage, migration in zip(
        ("before", "after"), settings["_migrations"], strict=True
    ):
        assert migration["command"][1].endswith("/hooks/update.py")
        assert migration["command"][2] == stage
        assert migration["when"] == f"{{{{ _stage == '{stage}' }}}}"
