"""The questions: what is asked, and what is refused."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import Settings, run_copy, run_recopy
from dialogue import copier_copy, walk
from jinja2.sandbox import SandboxedEnvironment
from render import QUESTIONS, environment, released, render, snapshot

# What breaks out of a line, a shell word, a TOML string or an ssh config.
SIGNS = ["'", '"', ";id", "|", "#", "*", "a b"]
BREAKERS = ["\n", "\r", "\0", "\t", "\x1b[2J", "\x7f", "\u2028", "\u202e"]
SHELL = ["`id`", "$(id)", "${HOME}", "$HOME", "\\"]
TEXTS = ["project_name", "description", "author_name"]
WORDS = [
    "project_slug",
    "remote_host",
    "remote_user",
    "proxy_jump",
    "remote_dir",
    "python_version",
]
LINES = [*TEXTS, *WORDS, "author_email", "identity_file"]
# Of a refusal, 80 columns show so many characters after what Copier puts before it.
SHOWN = 34
# No questions, but worked out: each with a value of its type.
WORKED_OUT = {
    "package_name": "os",
    "address": '{"host": "x\\n"}',
    "clean": '{"remote_dir": "x\\n"}',
    "remotes": '[{"host": "x\\n"}]',
    "over_ssh": True,
    "code_dir": "$(id)",
}
CHOICES = ["service", "lab_listen", "environment", "notebooks_in_git"]
GOOD = {
    "project_name": "Titanic Survival",
    "description": 'Who survived the "Titanic", O\'Brien?',
    "author_name": "Ada O'Brien",
    "project_slug": "titanic",
    "author_email": "ada@example.org",
    "remote_host": "gpu.example.org",
    "remote_user": "ada",
    "proxy_jump": "ada@login.example.org:2222",
    "identity_file": "~/.ssh/id_ed25519",
    "remote_dir": "work/titanic",
    "python_version": "3.12",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder: quicker to render than a repository."""
    return snapshot(tmp_path_factory.mktemp("template"))


def refused(template: Path, folder: Path, **answers: Any) -> str:
    """Render, which must fail.

    Args:
        template: The template.
        folder: Where the project would go.
        **answers: The answers.

    Returns:
        The sentence that says what to type instead.
    """
    with pytest.raises(ValueError, match="Validation error") as error:
        render(template, folder, **answers)
    assert not folder.exists()
    sentence = str(error.value).partition("': ")[2]
    assert re.fullmatch(r"\S[^\n]*\.", sentence), error.value
    return sentence


@pytest.fixture(scope="module")
def jinja() -> SandboxedEnvironment:
    """Jinja as copier.yml sets it up, for what is too much to render in full."""
    return environment()


def verdict(jinja: SandboxedEnvironment, question: str, value: object) -> str:
    """What the question's own validator says of a value: nothing, or a sentence."""
    address = {"user": "", "host": "gpu.example.org", "port": ""}
    others = {"project_slug": "my-lab", "more_remotes": [], "address": address}
    others["remote_dir"] = "my-lab"
    validator = jinja.from_string(QUESTIONS[question]["validator"])
    return validator.render({**others, question: value}).strip()


@pytest.mark.parametrize("customize", [False, True])
@pytest.mark.parametrize("question", LINES)
def test_a_line_break_is_refused_whether_asked_or_not(
    template: Path, tmp_path: Path, question: str, customize: bool
) -> None:
    answers = {question: GOOD[question] + "\n", "customize": customize}
    assert "Type " in refused(template, tmp_path / "p", **answers)


@pytest.mark.parametrize("question", LINES)
def test_good_answers_are_taken(jinja: SandboxedEnvironment, question: str) -> None:
    assert verdict(jinja, question, GOOD[question]) == ""


@pytest.mark.parametrize("question", [*TEXTS, "author_email", "identity_file"])
@pytest.mark.parametrize("bad", BREAKERS)
def test_text_that_breaks_out_is_refused(
    jinja: SandboxedEnvironment, question: str, bad: str
) -> None:
    good = GOOD[question]
    for text in (good[:2] + bad + good[2:], good + bad, bad + good):
        assert verdict(jinja, question, text).startswith("Type ")


@pytest.mark.parametrize("question", TEXTS)
def test_text_is_short(jinja: SandboxedEnvironment, question: str) -> None:
    assert "at most" in verdict(jinja, question, "x" * 201)


def test_a_project_needs_a_name(template: Path, tmp_path: Path) -> None:
    for name in ("", "  "):
        assert refused(template, tmp_path / "p", project_name=name) == "Type a name."


@pytest.mark.parametrize("question", WORDS)
@pytest.mark.parametrize("bad", [*BREAKERS, *SHELL, *SIGNS])
def test_a_word_that_breaks_out_is_refused(
    jinja: SandboxedEnvironment, question: str, bad: str
) -> None:
    good = GOOD[question]
    middle = good[:2] + bad + good[2:]
    if (question, bad) == ("remote_user", "\\"):
        middle = "-"  # it is how Windows domains are written: test_natural_answers
    for text in (good + bad, bad + good, middle, "-" + good):
        assert verdict(jinja, question, text).startswith("Type ")
    assert verdict(jinja, question, "a" * 300).startswith("Type ")


@pytest.mark.parametrize("question", CHOICES)
def test_a_choice_that_is_none_is_refused(
    template: Path, tmp_path: Path, question: str
) -> None:
    with pytest.raises(ValueError, match="Invalid choice"):
        render(template, tmp_path / "p", **{question: "x; id"})


def test_slurm_is_not_offered_before_it_is_built(
    template: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="is not in"):
        render(template, tmp_path / "p", service="slurm")


@pytest.mark.parametrize(
    ("question", "bad"),
    [
        ("remote_port", 0),
        ("remote_port", -1),
        ("remote_port", 65536),
        ("lab_port", 80),
        ("lab_port", 65536),
        ("lab_remote_port", 1023),
        ("lab_remote_port", 70000),
    ],
)
def test_a_port_that_is_none_is_refused(
    template: Path, tmp_path: Path, question: str, bad: int
) -> None:
    assert "to 65535" in refused(template, tmp_path / "p", **{question: bad})
    with pytest.raises(ValueError, match="invalid literal"):
        render(template, tmp_path / "p", **{question: "22; id"})


@pytest.mark.parametrize(
    ("question", "bad", "hint"),
    [
        ("project_slug", "class", "class-lab"),
        ("project_slug", "pandas", "pandas-lab"),
        ("project_slug", "ends-", "a-z, 0-9 and hyphens"),
        ("project_slug", "x" * 32, "a-z, 0-9 and hyphens"),
        ("project_slug", "torch", "torch-lab"),
        ("remote_host", "my-lab", "full name"),
        ("remote_host", "", "Type a host"),
        ("remote_host", "ssh gpu", "Type a host"),
        ("remote_host", "-p 2222 gpu", "Type a host: gpu"),
        ("remote_host", "gpu:99999", "to 65535"),
        ("remote_host", "-x@gpu", "Type your login"),
        ("proxy_jump", "login:99999", "user@host:port"),
        ("identity_file", "~/.ssh/id.pub", "without .pub"),
        ("identity_file", "id_ed25519", "from ~/ or /"),
        ("remote_dir", "/srv", "work/titanic"),
        ("remote_dir", "/", "work/titanic"),
        ("remote_dir", "~", "work/titanic"),
        ("remote_dir", "~ada/x", "work/titanic"),
        ("remote_dir", "a/../../x", "work/titanic"),
        ("remote_dir", "~/.ssh", "work/titanic"),
        ("remote_dir", "a/.", "work/titanic"),
        ("remote_dir", "", "work/titanic"),
        ("python_version", "3.1", "3.11 or later"),
        ("python_version", "2.7", "3.11 or later"),
        ("python_version", "3.11.4", "without the pa"),
    ],
)
def test_the_sentence_helps(
    jinja: SandboxedEnvironment, question: str, bad: str, hint: str
) -> None:
    assert hint in verdict(jinja, question, bad)[:SHOWN]


@pytest.mark.parametrize(
    ("bad", "hint"),
    [
        ("gpu2", "a list"),
        ("{name: gpu2, host: h}", "a list"),
        ("", "a list"),
        ("7", "a list"),
        ("[gpu2]", "name and a host"),
        ("[{name: gpu2}]", "name and a host"),
        ("[{host: h}]", "name and a host"),
        ("[{name: gpu2, host: h, hots: x}]", "no other keys"),
        ("[{name: GPU, host: h}]", "Name each"),
        ("[{name: 7, host: h}]", "Name each"),
        ("[{name: lab, host: h}]", "Name lab otherwise"),
        ("[{name: gpu-lab, host: h}]", "Name gpu-lab otherwise"),
        ("[{name: my-lab, host: h}]", "Name my-lab otherwise"),
        ("[{name: a, host: h}, {name: a, host: i}]", "a is there twice"),
        ("[{name: a, host: 'h i'}]", "a: Type a host"),
        ("[{name: a, host: 'x@h', user: y}]", "a: Type x or leave it out"),
        ("[{name: a, host: 'h:22', port: 23}]", "a: Type 22 or leave it out"),
        ("[{name: a, host: 7}]", "a: Type a host"),
        ("[{name: a, host: h, user: '-x'}]", "a: Type your login"),
        ("[{name: a, host: h, user: }]", "a: Type your login"),
        ("[{name: a, host: h, port: 0}]", "a: Type a port"),
        ("[{name: a, host: h, port: true}]", "a: Type a port"),
        ("[{name: a, host: h, port: '22'}]", "a: Type a port"),
        ("[{name: a, host: h, proxy_jump: 'x y'}]", "a: Type hosts"),
        ("[{name: a, host: h, lab_port: 80}]", "from 1024"),
        ("[{name: a, host: h, lab_port: 8000}]", "another port than 8000"),
        (
            "[{name: a, host: h, lab_port: 9000}, {name: b, host: h, lab_port: 9000}]",
            "9000 is there twice",
        ),
    ],
)
def test_further_remotes_that_will_not_do_are_refused(
    template: Path, tmp_path: Path, bad: str, hint: str
) -> None:
    assert hint in refused(template, tmp_path / "p", more_remotes=bad)[:SHOWN]


def test_the_ports_do_not_run_out(template: Path, tmp_path: Path) -> None:
    more = [{"name": "a", "host": "h"}, {"name": "b", "host": "h"}]
    sentence = refused(template, tmp_path / "p", lab_port=65534, more_remotes=more)
    assert "at most 65533" in sentence


@pytest.mark.parametrize("name", [*WORKED_OUT])
def test_what_is_worked_out_can_not_be_given(
    template: Path, tmp_path: Path, name: str
) -> None:
    assert "Leave" in refused(template, tmp_path / "p", **{name: WORKED_OUT[name]})


def test_settings_of_the_user_are_checked_too(template: Path, tmp_path: Path) -> None:
    settings = Settings(defaults={"remote_dir": "/etc"})
    with pytest.raises(ValueError, match="Type a folder"):
        run_copy(
            str(template),
            tmp_path / "p",
            settings=settings,
            defaults=True,
            skip_tasks=True,
        )


def test_an_answers_file_made_hostile_by_hand_does_no_harm(tmp_path: Path) -> None:
    project = render(released(tmp_path / "t"), tmp_path / "p", remote_host="a.org")
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("a.org", "'a\n\n  ProxyCommand x'"))
    run_recopy(project, defaults=True, overwrite=True, skip_tasks=True, quiet=True)
    hostile = [
        p for p in project.rglob("*") if p.is_file() and b"Proxy" in p.read_bytes()
    ]
    assert not [p for p in hostile if "home" in p.parts]


def test_answers_that_were_not_asked_are_recorded(
    template: Path, tmp_path: Path
) -> None:
    """Else the next update would go back to the defaults."""
    given = {"remote_port": 2222, "lab_remote_port": 9999, "remote_dir": "x/y"}
    project = render(template, tmp_path / "p", **given)
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert recorded.items() >= given.items()
    asked = {name for name, how in QUESTIONS.items() if how.get("when", True) is True}
    assert asked <= recorded.keys()


# --- What is asked --------------------------------------------------------------------


def asked(folder: Path, *options: str) -> list[str]:
    """Run `copier copy` in a terminal, with Enter wherever there is a default.

    Args:
        folder: Holds the template; the project goes beside it.
        *options: For copier.

    Returns:
        The questions that it asked, in order.
    """
    with copier_copy(folder, "--skip-tasks", *options) as dialogue:
        seen = walk(dialogue)
        assert dialogue.end() == 0, dialogue.text
    return list(seen)


def test_the_short_path_for_the_sandbox(tmp_path: Path) -> None:
    snapshot(tmp_path / "t")
    names = ["project_name", "customize", "remote_host", "push_now"]
    assert asked(tmp_path) == names
    assert (tmp_path / "p" / "pyproject.toml").exists()


def test_the_short_path_asks_at_most_six(tmp_path: Path) -> None:
    snapshot(tmp_path / "t")
    names = ["project_name", "customize", "remote_user", "setup_laptop", "push_now"]
    assert asked(tmp_path, "--data", "remote_host=gpu.example.org") == names


def test_the_full_path_asks_all(tmp_path: Path) -> None:
    snapshot(tmp_path / "t")
    options = ["customize=true", "remote_host=gpu.example.org", "lab_listen=port"]
    data = [part for option in options for part in ("--data", option)]
    given = {option.partition("=")[0] for option in options}
    names = {
        name
        for name, how in QUESTIONS.items()
        if how.get("when", True) and how.get("ask", True)
    }
    # One is asked in a folder with files alone: see test_existing.py.
    assert set(asked(tmp_path, *data)) == names - given - {"add_to_existing"}


def test_the_command_line_refuses_too(template: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--skip-tasks"]
    command += ["--data", "remote_dir=$(id)", str(template), str(tmp_path / "p")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode != 0
    assert "Type a folder such as work/titanic" in run.stderr
    assert not (tmp_path / "p").exists()
