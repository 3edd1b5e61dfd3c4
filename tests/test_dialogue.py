"""Copier's questions in terminals of 80 and of 60 columns, as they look there."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from dialogue import ENTER, copier_copy, help_of, last_line, walk
from laptop import Laptop, Terminal
from process import run
from project import TEMPLATE
from render import QUESTIONS, ROOT, snapshot

ARTEFACTS = Path(__file__).parent / "artefacts"

# With all questions; "Use arrow keys" ones take the first choice.
FULL = {"remote_host": "gpu.example.org", "customize": "y"}


@pytest.mark.parametrize("columns", [80, 60])
def test_every_text_is_whole_and_nothing_is_typed_in_beforehand(
    tmp_path: Path, columns: int
) -> None:
    snapshot(tmp_path / "t")
    options = ("--skip-tasks", "--quiet", "--data", "lab_listen=port")
    with copier_copy(tmp_path, *options, columns=columns) as dialogue:
        # walk() waits for each help text, whole.
        seen = walk(dialogue, FULL)
        assert dialogue.end() == 0, dialogue.text
    always = {n for n, how in QUESTIONS.items() if "help" in how and "when" not in how}
    assert set(seen) >= always - {"lab_listen"}
    assert last_line(seen["project_name"]) == "   Whales of 1900"
    assert last_line(seen["remote_host"]) == "   gpu.example.org"
    recorded = yaml.safe_load((tmp_path / "p/.copier-answers.yml").read_text())
    assert recorded["project_name"] == "Whales of 1900"
    assert recorded["remote_host"] == "gpu.example.org"


@pytest.mark.parametrize("question", ["project_name", "remote_host"])
def test_a_name_and_a_host_have_to_be_typed(tmp_path: Path, question: str) -> None:
    snapshot(tmp_path / "t")
    other = {"project_name": "remote_host=h", "remote_host": "project_name=n"}[question]
    options = ("--skip-tasks", "--data", other, "--data", "customize=false")
    with copier_copy(tmp_path, *options) as dialogue:
        dialogue.wait_for(help_of(question))
        assert QUESTIONS[question]["placeholder"] in dialogue.text
        dialogue.type(ENTER)
        assert dialogue.wait_for(f"'{question}': Type "), dialogue.text


def test_natural_typing(laptop: Laptop) -> None:
    """The screen stays in tests/artefacts, for the README's picture."""
    with Terminal(laptop, size="80x42") as terminal:
        terminal.type(f"clear; copier copy --skip-tasks --vcs-ref HEAD {TEMPLATE} p")
        typed = {
            "project_name": "Marc's Lab",
            "customize": "n",
            "remote_host": "ada@gpu.example.org:2222",
            "setup_laptop": "y",
        }
        for question, keys in typed.items():
            terminal.wait_for(help_of(question))
            is_bool = QUESTIONS[question]["type"] == "bool"
            terminal.send_keys(keys, *([] if is_bool else ["Enter"]))
        terminal.wait_for(help_of("push_now"))
        terminal.wait_for(re.compile(r"\(Y/n\)\s*$"))
        ARTEFACTS.mkdir(exist_ok=True)
        (ARTEFACTS / "dialogue.ansi").write_text(terminal.capture(colours=True))
        terminal.send_keys("n")
        answers = laptop.home / "p/.copier-answers.yml"
        terminal.wait_for("Next:", timeout=60)
    recorded = yaml.safe_load(answers.read_text())
    assert recorded["project_name"] == "Marc's Lab"
    assert recorded["remote_host"] == "gpu.example.org"
    assert recorded["remote_user"] == "ada"
    assert recorded["remote_port"] == 2222
    assert recorded["push_now"] is False


def test_each_refusal_has_its_point_at_its_start() -> None:
    """Copier puts the question's name before it, and cuts it at the terminal's edge."""
    checks = (ROOT / "src/remote_lab/templates/checks.j2").read_text()
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", checks, flags=re.DOTALL)
    refusals = [
        re.sub(r"\{\{.*?\}\}", "gpu2", line)
        for line in text.splitlines()
        if re.match(r"[A-Z]", line)
    ]
    assert len(refusals) > 20
    long = [line for line in refusals if not re.match(r".{1,34}?[,.:](\s|$)", line)]
    assert not long, f"No comma, colon or full stop in the first 34 characters: {long}"


def test_what_stands_on_an_empty_line_does_not_look_like_an_answer() -> None:
    for name, how in QUESTIONS.items():
        if how.get("placeholder"):
            assert how["placeholder"].startswith(("(", "for example: ", "[]")), name


@pytest.mark.parametrize("name", ["_message_before_copy", "_message_after_copy"])
def test_messages_fit_too(name: str) -> None:
    text = yaml.safe_load((ROOT / "copier.yml").read_text())[name]
    assert all(len(line) < 61 for line in text.splitlines() if "{" not in line)


@pytest.mark.parametrize(
    ("target", "where", "enter"),
    [
        (".", "this folder", ""),
        ("p", "p", "  cd p\n"),
        ("a b", "a b", "  cd 'a b'\n"),
    ],
)
def test_the_closing_text_says_where_it_is(
    tmp_path: Path, target: str, where: str, enter: str
) -> None:
    snapshot(tmp_path / "t")
    (tmp_path / "here").mkdir()
    said = closing(tmp_path / "here", "--skip-tasks", target)
    assert f"My Lab is in {where}.\n" in said
    assert f"Next:\n{enter}  ./remote setup " in said


def test_pretend_runs_nothing_and_says_so(tmp_path: Path) -> None:
    snapshot(tmp_path / "t")
    (tmp_path / "here").mkdir()
    said = closing(tmp_path / "here", "--pretend", "--trust", "p")
    assert "\nNothing was written, and nothing was run (--pretend).\n" in said
    assert "Running task" not in said
    assert "./remote" not in said
    assert not list((tmp_path / "here").iterdir())


def closing(folder: Path, *words: str) -> str:
    """What `copier copy --defaults` of the template beside a folder says in it."""
    command = [sys.executable, "-m", "copier", "copy", "--defaults", *words[:-1]]
    return run([*command, "../t", words[-1]], cwd=folder).stderr
