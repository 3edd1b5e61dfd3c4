"""Any answers that are accepted: each lands whole in its place, and nowhere else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from effort import rounds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from render import render, snapshot
from test_rendered import (
    SERVER,
    check_programs,
    files,
    keys,
    shape,
    ssh,
    ssh_config,
    toml,
    units,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder: quicker to render than a repository."""
    return snapshot(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project for one server, with no other answer."""
    return render(template, tmp_path_factory.mktemp("plain"), **SERVER)


def seen(markdown: str) -> list[str]:
    """The lines of text that a reader of markdown gets to see."""
    return [
        "".join(c.content for c in token.children or [] if c.type == "text")
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
        if token.type == "inline"
    ]


LETTERS = st.characters(exclude_categories=["C", "Z"])
# Often what means something to a shell, to Jinja, or to TOML, YAML or markdown.
TEXT = st.text(LETTERS | st.sampled_from(" '\"<>{%}#$\\`*_-&[]"), max_size=40)
WORD = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
HOST = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}", fullmatch=True)
PORT = st.integers(1024, 65000)
JUMP = st.builds("{}@{}:{}".format, WORD, HOST, PORT)


LOGIN = WORD | st.builds("{}\\{}".format, WORD, WORD)
FOLDER = st.lists(WORD, min_size=2, max_size=4).map("/".join)


@st.composite
def accepted(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Answers that will do, for one remote that is no sandbox and perhaps more.

    Returns:
        As they are meant, and as they are typed.
    """
    names = draw(
        st.lists(WORD.map(lambda w: f"x{w}"[:20].replace("_", "-")), unique=True)
    )
    ports = draw(st.lists(PORT, unique=True, min_size=len(names) + 1))
    more = [
        {"name": f"{name}-0", "host": draw(HOST), "user": draw(LOGIN), "lab_port": port}
        for name, port in zip(names, ports[1:], strict=False)
    ]
    meant: dict[str, Any] = {
        "project_name": draw(TEXT.filter(lambda name: bool(name.strip()))),
        # Unlike any other word in a path, so that files() can tell it.
        "project_slug": draw(st.from_regex(r"zq[a-z0-9-]{0,28}z", fullmatch=True)),
        "description": draw(TEXT),
        "author_name": draw(TEXT),
        "remote_host": draw(HOST.filter(lambda host: host.lower() != "sandbox")),
        "remote_user": draw(LOGIN | st.just("")),
        "remote_port": draw(st.integers(1, 65535)),
        "proxy_jump": draw(JUMP | st.just("")),
        "identity_file": draw(st.builds("~/.ssh/{} {}".format, WORD, WORD)),
        "remote_dir": draw(FOLDER | FOLDER.map("/{}".format)),
        "more_remotes": more,
        "service": draw(st.sampled_from(["auto", "systemd-user", "tmux"])),
        "lab_listen": draw(st.sampled_from(["socket", "port"])),
        "lab_port": ports[0],
        "lab_remote_port": draw(PORT),
        "environment": draw(st.sampled_from(["uv", "conda"])),
        "python_version": draw(st.sampled_from(["3.11", "3.14"])),
        "notebooks_in_git": draw(st.sampled_from(["scripts", "both-stripped", "both"])),
    }
    typed = dict(meant)
    if draw(st.booleans()):
        host, user, port = (typed.pop(f"remote_{k}") for k in ("host", "user", "port"))
        scheme = draw(st.sampled_from(["", "ssh://"]))
        typed["remote_host"] = f"{scheme}{user}{'@' if user else ''}{host}:{port}"
    if not typed["remote_dir"].startswith("/"):
        home = draw(st.sampled_from(["", "~/", "$HOME/"]))
        typed["remote_dir"] = home + typed["remote_dir"]
    for name in ("project_name", "description", "author_name"):
        meant[name] = meant[name].strip()
    return meant, typed


@settings(
    max_examples=rounds(6, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # Each example is a project: to shrink one would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(both=accepted())
def test_no_answer_escapes_its_place(
    template: Path,
    plain: Path,
    tmp_path_factory: pytest.TempPathFactory,
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    answers, typed = both
    project = render(template, tmp_path_factory.mktemp("any"), **typed)
    slug: str = toml(project / "remote.toml")["slug"]
    more = answers["more_remotes"]

    extra = {"environment.yml"} if answers["environment"] == "conda" else set()
    assert files(project) == files(plain) | extra

    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert recorded.items() >= answers.items()

    # ssh: each Host says what was answered, and there are no other Hosts.
    for name, said in [("", answers), *((f"-{r['name']}", r) for r in more)]:
        for tunnel in ("", "-lab"):
            options = ssh(project, f"{slug}{name}{tunnel}")
            host, user = said.get("remote_host", said.get("host")), said.get("user")
            assert options["hostname"] == [host.lower()]
            user = said.get("remote_user", user)
            assert not user or options["user"] == [user]
            assert options["port"] == [str(said.get("remote_port", 22))]
            jump = options.get("proxyjump", [""])[0]
            assert re.sub(r"[][]", "", jump) == said.get("proxy_jump", "")
            assert options["identityfile"] == [answers["identity_file"]]
            assert options["exitonforwardfailure"] == ["yes" if tunnel else "no"]
    hosts = [k for k in keys(ssh_config(project)) if k in ("Host", "Match", "Include")]
    assert hosts == ["Include", "Host", *["Host"] * (len(more) + 1), "Host"]
    known = set(keys(ssh_config(plain))) | {"User", "ProxyJump"}
    assert set(keys(ssh_config(project))) <= known

    # Units, TOML and YAML: the same keys as ever.
    assert [keys(unit) for unit in units(project)] == [keys(u) for u in units(plain)]
    told, as_ever = toml(project / "remote.toml"), toml(plain / "remote.toml")
    assert told.pop("remotes") == {
        slug: {"lab_port": answers["lab_port"]},
        **{remote["name"]: {"lab_port": remote["lab_port"]} for remote in more},
    }
    as_ever.pop("remotes")
    assert shape(told) == shape(as_ever)
    package, as_ever = toml(project / "pyproject.toml"), toml(plain / "pyproject.toml")
    about, people = package["project"], package["project"].pop("authors", [])
    assert about.pop("description", "") == answers["description"]
    assert [person["name"] for person in people if "name" in person] == (
        [answers["author_name"]] if answers["author_name"] else []
    )
    groups, known = package["dependency-groups"], as_ever["dependency-groups"]
    if answers["environment"] == "conda":  # the lab is environment.yml's
        assert set(groups) == {"dev"}
        package["dependency-groups"] = known
    assert shape(package) == shape(as_ever)
    readme = seen((project / "README.md").read_text())
    assert readme[0] == answers["project_name"]
    assert answers["description"] in ("", readme[1])
    assert yaml.safe_load((project / ".pre-commit-config.yaml").read_text())["repos"]

    check_programs(project)
    left = [p for p in project.rglob("*") if p.is_file()]
    named = {answers["description"], answers["author_name"], answers["project_name"]}
    for path in left:
        text = path.read_text(encoding="utf-8")
        if path.name not in (".copier-answers.yml", "README.md", "pyproject.toml"):
            assert not [part for part in named if len(part) > 9 and part in text]
        assert text.endswith("\n")
