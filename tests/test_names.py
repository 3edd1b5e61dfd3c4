"""Names: what a project's short name is made of, and what it may not be."""

import keyword
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from copier import run_recopy
from hypothesis import given
from hypothesis import strategies as st
from render import ROOT, environment, released, render, snapshot

SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}")
CHECKS: Any = environment().get_template("src/remote_lab/templates/checks.j2").module


@pytest.fixture(scope="module")
def names() -> Any:
    """The template's macros on names."""
    return environment().get_template("src/remote_lab/templates/names.j2").module


@given(title=st.text(max_size=300))
def test_any_title_gives_a_slug(names: Any, title: str) -> None:
    slug = names.slug(title)
    assert SLUG.fullmatch(slug)
    assert not CHECKS.slug(slug)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("My Lab", "my-lab"),
        ("Étude n° 5 — Łódź", "etude-n-5-lodz"),
        ("E\u0301tude", "etude"),
        ("2024 study", "lab-2024-study"),
        ("Marc's Lab", "marcs-lab"),
        ("Титаник", "titanik"),
        ("Αθήνα", "athina"),
        ("Ünïcödé", "unicode"),
        ("Việt Nam", "viet-nam"),
        ("œuvre", "oeuvre"),
        ("サクラ", "sakura"),
        ("서울", "seoul"),
        ("東京 GPU", "gpu"),
        ("Bayes\u2019 law", "bayes-law"),
        ("東京", "lab"),
        ("\ud800", "lab"),
        ("Torch", "torch-lab"),
        ("scikit-learn", "scikit-learn-lab"),
        ("Test", "test-lab"),
        ("Class", "class-lab"),
        ("Straße", "strasse"),
        ("---", "lab"),
        ("x" * 300, "x" * 31),
        ("a " * 150, "a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a"),
    ],
)
def test_slugs_read_well(names: Any, title: str, slug: str) -> None:
    assert names.slug(title) == slug


def test_no_project_is_called_like_a_module_of_python(
    names: Any,
) -> None:
    taken = {
        n for n in (*sys.stdlib_module_names, *keyword.kwlist) if SLUG.fullmatch(n)
    }
    assert taken <= set(names.taken)


def test_no_project_is_called_like_what_people_install(
    names: Any,
) -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    ours = {"click", "rich", "jupytext", "black"}
    assert ours <= {package["name"] for package in lock}
    data = "torch scipy sklearn scikit-learn matplotlib polars numpy pandas seaborn"
    data += " tensorflow keras xarray dask pyarrow requests pil pillow cv2 pyyaml yaml"
    project = "ipykernel jupyterlab jupyter-server notebook nbformat pytest pre-commit"
    words = f"{data} {project} test tests site src uv python"
    assert {*ours, *words.split()} <= set(names.taken)
    assert not {"lab", "my-lab", "titanic", "demo"} & set(names.taken)
    for taken in names.taken:
        assert SLUG.fullmatch(taken)
        proposed = names.slug(taken)
        assert proposed != taken
        assert not CHECKS.slug(proposed)


def test_a_project_keeps_a_name_that_was_taken_since(tmp_path: Path) -> None:
    """An update would else rename it, in silence."""
    project = render(released(tmp_path / "t"), tmp_path / "p")
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("slug: my-lab", "slug: torch"))
    run_recopy(project, defaults=True, overwrite=True, skip_tasks=True, quiet=True)
    assert "project_slug: torch\n" in answers.read_text()


def test_a_name_of_other_letters_takes_the_folders(tmp_path: Path) -> None:
    project = render(
        snapshot(tmp_path / "t"), tmp_path / "Tokyo weather", project_name="東京の天気"
    )
    assert 'slug = "tokyo-weather"' in (project / "remote.toml").read_text()
