"""`./remote add` and `forget`: the files are what Copier renders; updates keep them."""

import subprocess
from pathlib import Path

import pytest
import yaml
from checks import asked, reaches, told
from laptop import Laptop
from loopback import Loopback, free_port
from project import Project, snapshot
from render import released, render
from render import snapshot as template_now

pytestmark = [pytest.mark.xdist_group("add"), pytest.mark.needs("ssh", "uv")]

ID = "0123456789abcdef"
# The address and commit of the template stand in them.
PINS = [".pre-commit-config.yaml", "remote"]
ANSWERS = ".copier-answers.yml"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with two releases: an update has something to bring."""
    folder = released(tmp_path_factory.mktemp("released") / "template")
    readme = folder / "template/data/README.md"
    readme.write_text(readme.read_text() + "\nMore of it.\n")
    own = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder)]
    subprocess.run([*own, "commit", "-qam", "1.1.0"], check=True)
    subprocess.run([*own, "tag", "1.1.0"], check=True)
    return folder


def made(laptop: Laptop, template: Path, **answers: object) -> Project:
    """A project of the first release, committed."""
    own = {"project_name": "Titanic", "project_id": ID, **answers}
    words = [word for key, value in own.items() for word in ("-d", f"{key}={value}")]
    laptop.run(
        *("copier", "copy", "--defaults", "--skip-tasks", "--vcs-ref", "1.0.0"),
        *(*words, f"git+file://{template}", "titanic"),
    )
    project = Project(laptop, laptop.home / "titanic")
    laptop.run("git", "init", "-q", cwd=project.root)
    project.commit("as generated")
    return project


def differ(project: Project, fresh: Path, but: str = "") -> list[str]:
    """The files that are not as in a fresh copy: of content, mode or presence."""
    ours, theirs = snapshot(project.root), snapshot(fresh)
    names = {*ours, *theirs}
    places = (".git", ".sandbox", "remote_lab", "remote.local.toml")
    return sorted(
        name
        for name in names
        if name.split("/")[0] not in places and ours.get(name) != theirs.get(name)
        if name != but
    )


def answers_of(project: Project) -> dict[str, object]:
    """The answers, less what Copier notes of itself."""
    values = yaml.safe_load((project.root / ANSWERS).read_text())
    return {key: value for key, value in values.items() if key[0] != "_"}


def clean_update(project: Project) -> str:
    """Commit, update, and check that nothing conflicts."""
    project.commit("before the update")
    done = project.laptop.run(
        *("copier", "update", "--trust", "--defaults"), cwd=project.root
    )
    git = project.laptop.run("git", "status", "--porcelain", cwd=project.root).stdout
    assert "UU " not in git
    assert not list(project.root.rglob("*.rej"))
    return done.stdout + done.stderr


def test_a_remote_is_added_forgotten_and_kept_by_updates(
    laptop: Laptop, loopback: Loopback, template: Path, tmp_path: Path
) -> None:
    there = reaches(loopback)
    project = made(laptop, template, **there)
    project.remote("install")
    edited = project.root / "remote.toml"
    edited.write_text(edited.read_text().replace('"auto"', '"tmux"'))
    (project.root / "unfinished.py").write_text("x = 1\n")  # a tree at work
    port = str(loopback.port)
    host = ("127.0.0.1", "--user", loopback.user, "--port", port)
    said = project.remote("add", "two", *host).stderr
    assert said.splitlines()[-1] == "Next: ./remote push two"
    assert "two knows your key." in said
    assert asked(laptop, "titanic-two")["port"] == [port]
    assert 'service = "tmux"' in edited.read_text()
    # What is advised, literally: the commit, then the push.
    advised = next(x for x in said.splitlines() if "git add " in x)
    commit = "git add " + advised.partition("git add ")[2]
    laptop.run("sh", "-c", commit, cwd=project.root)
    assert project.remote("push", "two", "--only", "home").returncode == 0
    project.remote("add", "three", "three.example.org", "--jump", "ada@login:2222")
    (project.root / "unfinished.py").unlink()

    more = answers_of(project)["more_remotes"]
    assert [r["lab_port"] for r in more] == [8001, 8002]  # type: ignore[attr-defined]
    fresh = render(template, tmp_path / "fresh", **answers_of(project))
    changed = {ANSWERS, "data/README.md", "remote.toml", *PINS}
    assert set(differ(project, fresh)) == changed
    assert "./remote push --all" in clean_update(project)
    assert differ(project, fresh, but=ANSWERS) == ["remote.toml"]
    assert answers_of(project)["more_remotes"] == more

    said = project.remote("forget", "two").stderr
    assert "./remote add two 127.0.0.1 --user" in said
    assert "hostname 127.0.0.1" not in laptop.run("ssh", "-G", "titanic-two").stdout
    # The other keeps its port.
    assert "three\tdown\t8002" in project.remote("tunnel", "status").stdout
    fresh = render(template, tmp_path / "less", **answers_of(project))
    assert differ(project, fresh, but=ANSWERS) == ["remote.toml"]
    clean_update(project)
    assert differ(project, fresh, but=ANSWERS) == ["remote.toml"]
    assert "three" in edited.read_text()


def test_the_first_machine_of_a_sandbox_project(
    laptop: Laptop, loopback: Loopback, tmp_path: Path
) -> None:
    template = template_now(tmp_path / "template")
    project = Project.rendered(laptop)
    before = snapshot(project.root)
    there = ("127.0.0.1", "--port", str(loopback.port), "--user", loopback.user)
    said = project.remote("add", "gpu", *there).stderr
    assert "./remote open titanic" in said  # which of two, from now on
    assert laptop.run("ssh", "titanic-gpu", "echo hello").stdout == "hello\n"
    fresh = render(template, tmp_path / "fresh", **answers_of(project))
    assert differ(project, fresh, but=ANSWERS) == PINS
    project.remote("forget", "gpu")
    after = snapshot(project.root)
    # The laptop is set up by now, so the answer that has setup do it stays.
    changed = {
        name for name in {*before, *after} if before.get(name) != after.get(name)
    }
    changed = {name for name in changed if "__pycache__" not in name}
    folders = {"home/laptop/.ssh", "home/laptop/.ssh/config.d"}
    assert changed - folders == {ANSWERS, "remote.toml", ".git/index"}
    assert not list(laptop.home.glob(".ssh/config.d/*"))
    assert not (laptop.home / ".ssh/config").exists()


BAD = [
    (("add", "lab", "h"), "Name lab otherwise"),
    (("add", "titanic", "h"), "Name titanic otherwise"),
    (("add", "Two", "h"), "Name each of a-z"),
    (("add", "gpu2", "h"), "gpu2 is there twice"),
    (("add", "two", "a b"), "Type a host"),
    (("add", "two", "h", "--user", "a b"), "Type your login"),
    (("add", "two", "h", "--jump", "$(id)"), "Type hosts as user@host:port"),
    (("add", "two", "h", "--port", "70000"), "70000 is not in the range"),
    (("forget", "elsewhere"), "no remote called 'elsewhere'"),
    (("forget", "titanic"), "-d remote_host=HOST"),
]


def test_what_cant_be_is_refused_and_nothing_changes(laptop: Laptop) -> None:
    answers = {
        **{"remote_host": "127.0.0.1", "remote_port": free_port()},
        "more_remotes": "[{name: gpu2, host: 127.0.0.1, port: 1}]",
    }
    project = Project.rendered(laptop, answers)
    project.remote("tunnel", "status")  # which notes whose the project is
    before = snapshot(laptop.home)
    for words, why in BAD:
        done = project.remote(*words, check=False)
        assert done.returncode == 2, words
        assert why in done.stderr
        assert "Traceback" not in done.stderr
    # An edit in the very place, and a file that is not there.
    path = project.root / "remote.toml"
    text = path.read_text()
    path.write_text(text + "# by hand\n")
    done = project.remote("add", "two", "h", check=False)
    told(done, 1, "remote.toml was edited by hand", "git diff remote.toml")
    path.write_text(text)
    answers_file = project.root / ANSWERS
    answers_file.rename(project.root / "away")
    done = project.remote("add", "two", "h", check=False)
    told(done, 1, "git checkout HEAD -- .copier-answers.yml")
    (project.root / "away").rename(answers_file)
    after = snapshot(laptop.home)
    changed = {
        name for name in {*before, *after} if before.get(name) != after.get(name)
    }
    assert not {name for name in changed if "__pycache__" not in name}


def test_a_remote_that_an_update_brought_is_named_with_what_sets_it_up(
    laptop: Laptop, loopback: Loopback
) -> None:
    first = Project.rendered(laptop, reaches(loopback), "former")
    first.remote("install")
    two = [{"name": "two", "host": "127.0.0.1", "port": loopback.port}]
    project = Project.rendered(laptop, {**reaches(loopback), "more_remotes": str(two)})
    (first.root / "remote.toml").unlink()  # the project has moved, as it were
    commands: list[tuple[str, ...]] = [
        *(("push",), ("push", "two"), ("push", "--all"), ("open", "two"), ("undo",)),
        *(
            ("doctor", "two"),
            ("save", "two"),
            ("tunnel", "up", "two"),
            ("lab", "start"),
        ),
    ]
    for words in commands:
        done = project.remote(*words, check=False)
        told(done, 1, "not set up for two", "./remote install two", "./remote setup")
    told(project.remote("status", check=False), 1, "Next: ./remote install two")
    # The one that was there before goes on.
    project.remote("push", "titanic", "--only", "home")
    project.remote("install", "two")
    project.remote("push", "two", "--only", "home")


def test_completion_knows_add_and_forget(laptop: Laptop) -> None:
    project = Project.rendered(
        laptop, {"more_remotes": '[{"name": "gpu2", "host": "sandbox"}]'}
    )
    for words, number, found in (
        ("remote ad", 1, "add"),
        ("remote for", 1, "forget"),
        ("remote forget g", 2, "gpu2"),
    ):
        env = {"_REMOTE_COMPLETE": "bash_complete", "COMP_WORDS": words}
        done = project.remote(env={**env, "COMP_CWORD": str(number)})
        assert f"plain,{found}" in done.stdout.split()
    assert "add" in project.remote("--help").stdout
