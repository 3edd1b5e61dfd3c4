"""Each has a laptop of his own: its ssh config, a teammate's login, key and port."""

from collections.abc import Iterator

import pytest
from checks import asked, home_of, reaches, wrote
from laptop import Laptop
from listener import answers, listening_lab
from loopback import Loopback, free_port
from project import Project, snapshot

pytestmark = pytest.mark.needs("ssh", "uv")


@pytest.fixture
def project(laptop: Laptop) -> Project:
    """A project whose remote is away."""
    assert laptop.key
    away = {"remote_host": "127.0.0.1", "remote_port": free_port()}
    return Project.rendered(laptop, away)


# A host that the user's own ssh config knows

OWN = {
    "alias": """
Host gpu
    HostName 127.0.0.1
    Port {port}
    User {user}
""",
    "alias by a jump": """
Host gpu
    HostName 127.0.0.1
    Port {port}
    User {user}
    ProxyJump bastion
Host bastion
    HostName 127.0.0.1
    Port {port}
    User {user}
""",
    "address": """
Host 127.0.0.1
    Port {port}
    User {user}
    IdentityFile "~/.ssh/of work"
""",
}


@pytest.mark.parametrize("kind", OWN)
def test_a_host_of_ones_own_config_is_reached_as_there(
    laptop: Laptop, loopback: Loopback, kind: str
) -> None:
    own = OWN[kind].format(port=loopback.port, user=loopback.user)
    own += "Host *\n    StrictHostKeyChecking accept-new\n"
    wrote(".ssh/config", own.encode(), 0o600)(laptop.home)
    before = asked(laptop, "gpu" if "alias" in kind else "127.0.0.1")
    project = Project.rendered(
        laptop, {"remote_host": "gpu" if "alias" in kind else "127.0.0.1"}
    )
    for _ in range(2):  # the second must not take the first one's for the answers
        assert "knows your key" in project.remote("install").stderr
        told = asked(laptop, "titanic")
        for key in ("hostname", "port", "user", "proxyjump"):
            assert told.get(key) == before.get(key)
    pwd = laptop.run("ssh", "titanic", "pwd").stdout.strip()
    assert pwd == str(loopback.home)
    assert "in place" in project.remote("push", "--only", "home").stderr
    if kind == "alias by a jump":
        assert loopback.logs().count("Accepted publickey") > 2


def test_an_alias_that_moves_is_followed(laptop: Laptop, loopback: Loopback) -> None:
    own = OWN["alias"].format(port=9, user=loopback.user)
    wrote(".ssh/config", own.encode(), 0o600)(laptop.home)
    project = Project.rendered(laptop, {"remote_host": "gpu"})
    assert project.remote("push", "--only", "home", check=False).returncode == 4
    own = OWN["alias"].format(port=loopback.port, user=loopback.user)
    wrote(".ssh/config", own.encode(), 0o600)(laptop.home)
    assert "in place" in project.remote("push", "--only", "home").stderr


def test_a_config_that_ssh_cant_read_is_named(laptop: Laptop) -> None:
    wrote(".ssh/config", b"Host x\n    Portt 22\n", 0o600)(laptop.home)
    project = Project.rendered(laptop, {"remote_host": "gpu"})
    for words in (["install"], ["push"]):
        done = project.remote(*words, check=False)
        assert done.returncode in (1, 4)
        assert "Traceback" not in done.stderr
        assert "portt" in done.stderr.lower()


def test_an_answer_counts_more_than_ones_own_config(laptop: Laptop) -> None:
    own = "Host gpu\n    HostName 127.0.0.1\n    User ada\n    Port 1\n"
    wrote(".ssh/config", own.encode(), 0o600)(laptop.home)
    project = Project.rendered(laptop, {"remote_host": "gpu", "remote_user": "grace"})
    project.remote("install")
    assert asked(laptop, "titanic")["user"] == ["grace"]
    assert asked(laptop, "titanic")["port"] == ["1"]
    assert asked(laptop, "gpu")["user"] == ["ada"]


# A teammate


@pytest.fixture
def teammate(project: Project) -> Iterator[Project]:
    """The same project, cloned by somebody else."""
    with Laptop() as laptop:
        laptop.run("git", "clone", "-q", project.root, "titanic")
        yield Project(laptop, laptop.home / "titanic")


def test_a_teammate_has_another_login_key_and_port(teammate: Project) -> None:
    port, key = str(free_port()), "~/.ssh/other 🔑"
    own = ("--user", "grace", "--identity", key, "--lab-port", port)
    teammate.remote("install", *own)
    laptop = teammate.laptop
    for host in ("titanic", "titanic-lab"):
        assert asked(laptop, host)["user"] == ["grace"]
        assert asked(laptop, host)["identityfile"][0] == key
    assert (laptop.home / ".ssh/other 🔑").exists()
    git = laptop.run("git", "status", "--porcelain", cwd=teammate.root)
    assert git.stdout == ""
    assert (teammate.root / "remote.local.toml").exists()
    # One of them alone, later: the others stay.
    teammate.remote("install", "--user", "hopper")
    assert asked(laptop, "titanic")["user"] == ["hopper"]
    assert asked(laptop, "titanic")["identityfile"][0] == key
    assert teammate.remote("tunnel", "status").stdout.split() == [
        *("titanic", "down", port)
    ]


def test_a_teammates_tunnel_has_his_own_port(
    laptop: Laptop, loopback: Loopback
) -> None:
    project, port = Project.rendered(laptop, reaches(loopback)), free_port()
    with listening_lab(loopback) as there:
        project.remote("install", "--lab-port", str(port))
        said = project.remote("tunnel", "up").stderr
        assert f"http://127.0.0.1:{port}" in said
        (forward,) = asked(laptop, "titanic-lab")["localforward"]
        assert forward.split() == [f"[127.0.0.1]:{port}", there]
        assert "localforward" not in asked(laptop, "titanic")
        assert answers(port)
        project.remote("uninstall")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--user", "a b"), "a login name without spaces"),
        (("--user", "-oProxyCommand=touch x"), "a login name without spaces"),
        (("--identity", 'a"\nProxyCommand touch x'), "the name of a key file"),
        (("--lab-port", "80"), "80 is not in the range"),
        (("elsewhere",), "no remote called 'elsewhere'"),
    ],
)
def test_bad_values_are_refused_with_a_sentence(
    project: Project, words: tuple[str, ...], told: str
) -> None:
    more = words if words[0].startswith("-") else (*words, "--user", "ada")
    before = snapshot(project.laptop.home / "titanic", times=True)
    home = home_of(project.laptop)
    done = project.remote("install", *more, check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    after = snapshot(project.laptop.home / "titanic", times=True)
    assert {k: v for k, v in after.items() if "__pycache__" not in k} == before
    assert home_of(project.laptop) == home


def test_of_several_remotes_one_must_be_named(laptop: Laptop) -> None:
    project = Project.rendered(
        laptop,
        {
            "remote_host": "127.0.0.1",
            "remote_port": free_port(),
            "more_remotes": "[{name: gpu2, host: 127.0.0.1, port: 1}]",
        },
    )
    done = project.remote("install", "--user", "grace", check=False)
    assert done.returncode == 2
    assert "titanic, gpu2" in done.stderr
    assert not (project.root / "remote.local.toml").exists()
    project.remote("install", "gpu2", "--user", "grace")
    assert asked(laptop, "titanic-gpu2")["user"] == ["grace"]
    assert asked(laptop, "titanic")["user"] != ["grace"]
    # It alone was logged in to, and the other is as it was.
    said = project.remote("install", "gpu2").stderr
    assert "gpu2 does not know your key" in said
    assert "titanic does not know" not in said
    before = home_of(laptop)
    done = project.remote("install", "nonsense", check=False)
    assert done.returncode == 2
    assert "no remote called 'nonsense'" in done.stderr
    assert home_of(laptop) == before


def test_setup_asks_a_teammate_for_the_login_and_the_owner_never(
    laptop: Laptop,
) -> None:
    assert laptop.key
    away = {"remote_host": "127.0.0.1", "remote_port": free_port()}
    answers = {**away, "remote_user": "ada", "push_now": False}
    owner, said = Project.copied(laptop, answers, tty=True)
    said += owner.remote("setup", tty=True).stdout
    assert "Your login" not in said
    assert "laptop: set up" in said
    with Laptop() as theirs:
        assert theirs.key
        theirs.run("git", "clone", "-q", owner.root, "titanic")
        teammate = Project(theirs, theirs.home / "titanic")
        # Where nobody can answer, it says whose login it takes.
        said = teammate.remote("setup", "--user", "a b", check=False).stderr
        assert "a login name without spaces" in said
        typed = "not one\ngrace\n"
        said = teammate.remote("setup", tty=True, input=typed, check=False).stdout
        assert "Your login on titanic (127.0.0.1) [ada]:" in said
        assert "Type a login name" in said
        assert "Logging in to titanic as grace" in said
        assert asked(theirs, "titanic")["user"] == ["grace"]
        git = theirs.run("git", "status", "--porcelain", cwd=teammate.root)
        assert git.stdout == ""
        assert "Your login" not in teammate.remote("setup", tty=True).stdout
        teammate.remote("uninstall")
        theirs.run("rm", "-rf", "titanic")
        theirs.run("git", "clone", "-q", owner.root, "titanic")
        said = teammate.remote("setup").stderr
        assert "logged in to as ada" in said
        teammate.remote("setup", "--user", "hopper")
        assert asked(theirs, "titanic")["user"] == ["hopper"]
