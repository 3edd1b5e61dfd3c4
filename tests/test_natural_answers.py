"""What people type, and what the project's files make of it: nothing is refused."""

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_update
from dialogue import copier_copy, walk
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st
from laptop import Laptop
from project import Project
from render import environment, released, render, snapshot
from test_any_answers import seen
from test_rendered import check_programs, run, ssh, toml

MARKDOWN: Any = (
    environment().get_template("src/remote_lab/templates/markdown.j2").module
)
ANSWERS = ".copier-answers.yml"
GPU = {"remote_host": "gpu.example.org"}
# What is typed; and what the answers file has then, where that is another form.
NATURAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"project_name": "Marc's Lab"}, {"project_slug": "marcs-lab"}),
    ({"project_name": '50 % of "R&D" <b>*so*</b> `x` $HOME \\ #'}, {}),
    ({"project_name": " Titanic "}, {"project_name": "Titanic"}),
    ({"project_name": "Титаник"}, {"project_slug": "titanik"}),
    ({"project_name": "Torch"}, {"project_slug": "torch-lab"}),
    ({"description": 'Costs in $, `code`, C:\\data, 5 % and "quotes", it\'s all'}, {}),
    ({"description": "- 1. # > {{ x }} {% y %} | _a_ *b* [c](d) &amp; ~~e~~"}, {}),
    ({"author_name": "O'Brien"}, {}),
    ({"author_name": 'Ada "Countess" O\'Brien, PhD'}, {}),
    ({"author_email": "o'brien@example.org"}, {}),
    (
        {"remote_host": "user@gpu.example.org"},
        {"remote_host": "gpu.example.org", "remote_user": "user", "remote_port": 22},
    ),
    (
        {"remote_host": "gpu.example.org:2222"},
        {"remote_host": "gpu.example.org", "remote_port": 2222, "remote_user": ""},
    ),
    (
        {"remote_host": "ssh://user@host:2222"},
        {"remote_host": "host", "remote_user": "user", "remote_port": 2222},
    ),
    ({"remote_host": "ssh://host/"}, {"remote_host": "host"}),
    ({"remote_host": "[2001:db8::1]"}, {"remote_host": "2001:db8::1"}),
    (
        {"remote_host": "ada@[2001:db8::1]:2222"},
        {"remote_host": "2001:db8::1", "remote_user": "ada", "remote_port": 2222},
    ),
    ({"remote_host": "2001:db8::1"}, {}),
    ({"remote_host": "fe80::1%eth0"}, {}),
    (
        {"remote_host": "CORP\\ada@gpu"},
        {"remote_host": "gpu", "remote_user": "CORP\\ada"},
    ),
    ({**GPU, "remote_user": "DOMAIN\\user"}, {}),
    ({**GPU, "remote_user": "ada@example.org"}, {}),
    ({"remote_host": "Sandbox"}, {"remote_host": "sandbox"}),
    ({"remote_host": "SANDBOX"}, {"remote_host": "sandbox"}),
    ({**GPU, "identity_file": "~/.ssh/my key"}, {}),
    ({**GPU, "identity_file": "$HOME/.ssh/lab"}, {"identity_file": "~/.ssh/lab"}),
    ({"remote_dir": "~/work/x"}, {"remote_dir": "work/x"}),
    ({"remote_dir": "$HOME/x"}, {"remote_dir": "x"}),
    ({"remote_dir": "${HOME}/x/"}, {"remote_dir": "x"}),
    ({**GPU, "remote_dir": "/scratch/user/x"}, {}),
    ({**GPU, "proxy_jump": "a, b"}, {"proxy_jump": "a,b"}),
    (
        {"more_remotes": [{"name": "a", "host": "bob@h:2222", "proxy_jump": "x, y"}]},
        {
            "more_remotes": [
                {"name": "a", "host": "h", "proxy_jump": "x,y", "user": "bob"}
                | {"port": 2222}
            ]
        },
    ),
    (
        {"more_remotes": [{"name": "a", "host": "Sandbox"}]},
        {"more_remotes": [{"name": "a", "host": "sandbox"}]},
    ),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder: quicker to render than a repository."""
    return snapshot(tmp_path_factory.mktemp("template"))


@settings(max_examples=rounds(300, 20_000))
@given(text=st.text(st.sampled_from("ab1 ") | st.sampled_from(string.punctuation)))
def test_markdown_shows_what_was_typed(text: str) -> None:
    quoted = MARKDOWN.text(text.strip())
    for begin in ("", "# "):
        assert "".join(seen(f"{begin}{quoted}\n")) == text.strip()


@pytest.mark.parametrize(("typed", "kept"), NATURAL)
def test_natural_answers(
    template: Path, tmp_path: Path, typed: dict[str, Any], kept: dict[str, Any]
) -> None:
    project = render(template, tmp_path / "p", **typed)
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert recorded.items() >= {**typed, **kept}.items()

    # Each is whole where it is used, read by what reads it there.
    readme = seen((project / "README.md").read_text())
    assert readme[0] == recorded["project_name"]
    assert recorded["description"] in ("", readme[1])
    about = toml(project / "pyproject.toml")["project"]
    assert about.get("description", "") == recorded["description"]
    who = {"name": recorded["author_name"], "email": recorded["author_email"]}
    authors = [{key: text for key, text in who.items() if text}]
    assert about.get("authors", [{}]) == authors
    assert toml(project / "remote.toml")["dir"] == recorded["remote_dir"]
    if "remote_dir" in typed:
        check_programs(project)
    if recorded["remote_host"] != "sandbox":
        options = ssh(project, recorded["project_slug"])
        assert options["hostname"] == [recorded["remote_host"]]
        assert options["port"] == [str(recorded["remote_port"])]
        assert options["identityfile"] == [recorded["identity_file"]]
        user = recorded["remote_user"]
        assert not user or options["user"] == [user]
        jump = recorded["proxy_jump"]
        assert not jump or options["proxyjump"] == [jump]


def test_what_the_host_holds_is_not_asked(tmp_path: Path) -> None:
    snapshot(tmp_path / "t")
    typed = {"project_name": "Marc's Lab", "remote_host": "ada@gpu.example.org:2222"}
    with copier_copy(tmp_path, "--skip-tasks") as dialogue:
        seen = walk(dialogue, {**typed, "customize": "y"})
        assert dialogue.end() == 0, dialogue.text
    assert not {"remote_user", "remote_port"} & set(seen)
    assert "proxy_jump" in seen
    recorded = yaml.safe_load((tmp_path / "p" / ANSWERS).read_text())
    assert recorded["project_name"] == "Marc's Lab"
    assert recorded["remote_host"] == "gpu.example.org"
    assert (recorded["remote_user"], recorded["remote_port"]) == ("ada", 2222)


def test_the_host_brings_its_parts_by_an_update(tmp_path: Path) -> None:
    """Those that they had before, on a sandbox or on another host, give way."""
    project = render(released(tmp_path / "t"), tmp_path / "p")
    run("git", "init", "-q", project)
    git = ["git", "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@t"]
    for host, user, port in [
        ("ada@gpu:2222", "ada", 2222),
        ("bob@gpu2:2200", "bob", 2200),
    ]:
        run(*git, "add", "-A")
        run(*git, "commit", "-qm", f"before {host}")
        options: dict[str, Any] = {"skip_tasks": True, "quiet": True, "unsafe": True}
        data = {"remote_host": host}
        run_update(project, data=data, defaults=True, overwrite=True, **options)
        recorded = yaml.safe_load((project / ANSWERS).read_text())
        assert (recorded["remote_user"], recorded["remote_port"]) == (user, port)
        used = ssh(project, "my-lab")
        assert (used["user"], used["port"]) == ([user], [str(port)])


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
@pytest.mark.parametrize("folder", ["work/x", "/scratch/ada/x"])
def test_the_codes_folder_is_one_word_to_each_shell(
    template: Path, tmp_path: Path, shell: str, folder: str
) -> None:
    """In a home whose path has a space."""
    project = render(template, tmp_path / "p", **GPU, remote_dir=folder)
    own = project / "home/remote/.config/remote-lab/my-lab"
    line = next(x for x in (own / "lab").read_text().splitlines() if "project=" in x)
    program = f'{line}; printf %s "$project"'
    home = str(tmp_path / "a home")
    there = folder if folder.startswith("/") else f"{home}/{folder}"
    assert run(shell, "-c", program, HOME=home, PATH="/usr/bin:/bin") == there


def test_a_sandbox_has_nothing_outside_of_its_home(
    template: Path, tmp_path: Path
) -> None:
    away = {"remote_dir": "/scratch/ada/x"}
    with pytest.raises(ValueError, match="Type a relative folder: a sandbox"):
        render(template, tmp_path / "p", **away)
    more = [{"name": "try", "host": "sandbox"}]
    with pytest.raises(ValueError, match="try: no sandbox can be here"):
        render(template, tmp_path / "p", **GPU, **away, more_remotes=more)


@pytest.mark.needs("ssh", "uv")
def test_add_takes_a_host_apart(laptop: Laptop) -> None:
    project = Project.rendered(laptop, {"setup_laptop": False})
    project.remote("add", "gpu2", "CORP\\bob@gpu2.example.org:2222", "--jump", "a, b")
    options = ssh(project.root, "titanic-gpu2")
    assert options["user"] == ["CORP\\bob"]
    assert options["port"] == ["2222"]
    assert options["hostname"] == ["gpu2.example.org"]
    assert options["proxyjump"] == ["a,b"]
    project.remote("add", "here", "Sandbox")
    assert toml(project.root / "remote.toml")["remotes"]["here"]["sandbox"]
    said = project.remote("forget", "gpu2").stderr
    assert "./remote add gpu2 gpu2.example.org --user 'CORP\\bob' --port 2222" in said
