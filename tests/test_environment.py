"""The project's environment on a remote: fetched there, or brought from here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from env_lab import REAL_UV, REMOTE_TOML, Lab, git

from remote_lab.env import build, probe, stamp
from remote_lab.errors import Problem

pytestmark = pytest.mark.needs("uv", "git", "unshare", "network")


def test_online_it_is_fetched_there(lab: Lab) -> None:
    lab.network(on=True)
    report = lab.build()
    assert (report.how, report.sent_files, report.uv_sent) == (
        "fetched there",
        0,
        False,
    )
    assert lab.stamped()
    assert lab.python("import six, markupsafe, iniconfig, pluggy, demo_lab") == ""
    assert (lab.code / ".venv/etc/demo.txt").read_text() == "first\n"

    # A data file alone has changed: the stamp says so, and it is put there anew.
    (lab.root / "environment/etc/demo.txt").write_text("second\n")
    lab.commit()
    assert not lab.stamped()
    lab.build()
    assert (lab.code / ".venv/etc/demo.txt").read_text() == "second\n"


def test_online_without_uv_it_gets_ours(bare: Lab) -> None:
    bare.network(on=True)
    report = bare.build()
    assert (report.how, report.uv_sent) == ("fetched there", True)
    assert bare.python("import six, demo_lab; print(demo_lab.NAME)") == "demo"


def test_offline_all_is_brought_once(bare: Lab) -> None:
    first = bare.build()
    assert (first.how, first.sent_files, first.uv_sent) == (
        "brought from here",
        4,
        True,
    )
    assert bare.stamped()
    modules = "import six, markupsafe, iniconfig, pluggy, demo_lab"
    assert bare.python(f"{modules}; print(demo_lab.__file__)").startswith(
        str(bare.code)
    )
    assert (bare.code / ".venv/etc/demo.txt").read_text() == "first\n"
    assert len(bare.held()) == 4

    # Nothing is sent again, whatever calls for another build.
    (bare.root / "environment/etc/demo.txt").write_text("second\n")
    bare.commit()
    second = bare.build()
    assert (second.sent_files, second.sent_bytes, second.uv_sent) == (0, 0, False)
    assert (bare.code / ".venv/etc/demo.txt").read_text() == "second\n"

    # A new lock sends what is new, and the rest of the former goes.
    bare.edit('"six"', '"toolz"')
    bare.commit()
    third = bare.build()
    assert third.sent_files == 1
    assert bare.python("import toolz, markupsafe, demo_lab") == ""
    assert [name.partition("-")[0] for name in bare.held()] == [
        "iniconfig",
        "markupsafe",
        "pluggy",
        "toolz",
    ]
    with pytest.raises(subprocess.CalledProcessError):
        bare.python("import six")


@pytest.mark.needs("busybox")
def test_busybox_is_enough(lab: Lab, tmp_path: Path) -> None:
    for tool in lab.bin.iterdir():
        if tool.name not in ("getconf", "git", "python3", "uv"):
            tool.unlink()
    applets = ("--install", "-s", str(lab.bin))
    subprocess.run(["busybox", *applets], check=True, capture_output=True)
    (lab.bin / "sh").unlink()
    (lab.bin / "sh").symlink_to(shutil.which("busybox") or "")
    assert lab.build().sent_files == 4
    assert lab.python("import six, demo_lab") == ""


def test_a_truncated_wheel_is_sent_again(lab: Lab) -> None:
    lab.build()
    [six] = (lab.home / ".cache/remote-lab/demo-lab/wheels").glob("six-*")
    size = six.stat().st_size
    os.truncate(six, 1000)
    shutil.rmtree(lab.code / ".venv")
    assert lab.build().sent_files == 1
    assert six.stat().st_size == size
    assert lab.python("import six") == ""


def test_a_damaged_wheel_is_replaced_by_the_next_push(lab: Lab) -> None:
    lab.build()
    [six] = (lab.home / ".cache/remote-lab/demo-lab/wheels").glob("six-*")
    six.write_bytes(bytes(six.stat().st_size))
    shutil.rmtree(lab.code / ".venv")
    shutil.rmtree(lab.home / ".cache/remote-lab/demo-lab/uv")
    with pytest.raises(Problem, match="could not be built"):
        lab.build()
    lab.build()
    assert lab.python("import six") == ""


def test_a_network_that_fails_half_way_is_no_end(lab: Lab) -> None:
    # The probe gets through, and uv does not: some networks let curl alone out.
    lab.tool("curl", "exit 0")
    lab.tool("uv", f'UV_HTTP_RETRIES=0 exec {REAL_UV} "$@"')
    report = lab.build()
    assert report.how == "brought from here"
    assert lab.python("import six") == ""


def test_a_build_that_was_killed_is_mended(lab: Lab) -> None:
    lab.tool(
        "uv",
        f'{REAL_UV} "$@" || exit\n'
        'case $* in "pip sync"*) rm .venv/lib/python3*/site-packages/six.py\n'
        "kill -9 $$ ;; esac",
    )
    with pytest.raises(Problem):
        lab.build()
    assert not lab.stamped()
    lab.tool("uv", f'exec {REAL_UV} "$@"')
    lab.build()
    assert lab.stamped()
    assert lab.python("import six") == ""


def test_a_venv_on_another_disk_stays_there(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (lab.code / ".venv").symlink_to(tmp_path / "scratch")
    lab.build()
    assert (lab.code / ".venv").is_symlink()
    assert lab.python("import six") == ""


def test_an_old_uv_is_not_used(lab: Lab) -> None:
    lab.tool("uv", "echo uv 0.4.1")
    assert lab.build().uv_sent


def test_no_uv_there_and_none_to_be_had_here(
    bare: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "another laptop"))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(Problem, match="This machine could not fetch") as caught:
        bare.build()
    assert "online" in caught.value.todo
    assert not (bare.code / ".venv").exists()


def test_what_has_no_wheel_is_named(lab: Lab) -> None:
    lab.edit('"six"', '"docopt"')
    lab.commit()
    with pytest.raises(Problem, match=r"docopt 0\.6\.2 \(source only\)"):
        lab.build()


def test_another_build_backend_is_named(lab: Lab) -> None:
    lab.edit('build-backend = "uv_build"', 'build-backend = "hatchling.build"')
    lab.commit()
    with pytest.raises(Problem, match=r"built by hatchling\.build"):
        lab.build()


def test_a_python_too_old_is_told(lab: Lab) -> None:
    markers = {**dict.fromkeys(probe.MARKERS, ""), "python_version": "3.8"}
    text = json.dumps({**markers, "python_full_version": "3.8.10"})
    lab.tool("python3", f"printf 'python\\t%s\\t{text}\\n' \"$0\"")
    with pytest.raises(Problem, match=r"has Python 3\.8\.10.* needs >=3\.11"):
        lab.build()


def test_no_python_is_told(lab: Lab) -> None:
    (lab.bin / "python3").unlink()
    with pytest.raises(Problem, match="has no Python"):
        lab.build()


def test_code_that_is_elsewhere_is_not_built(lab: Lab) -> None:
    lab.edit('"six"', '"toolz"')
    subprocess.run([REAL_UV, "lock", "-q"], cwd=lab.root, check=True)
    git(lab.root, "commit", "-q", "-a", "-m", "Not pushed")
    with pytest.raises(Problem, match="not at the commit"):
        lab.build()
    assert not (lab.code / ".venv").exists()


def test_a_lock_that_is_behind_is_refused(lab: Lab) -> None:
    lab.edit('"six"', '"six",\n    "toolz"')
    git(lab.root, "commit", "-q", "-a", "-m", "Without a new lock")
    lab.bring_code()
    with pytest.raises(Problem, match=r"uv\.lock is older") as caught:
        lab.build()
    assert caught.value.todo.startswith("uv lock && git commit")


def test_no_lock_in_the_commit(lab: Lab) -> None:
    git(lab.root, "rm", "-q", "--cached", "uv.lock")
    git(lab.root, "commit", "-q", "-m", "Forgotten")
    with pytest.raises(Problem, match="not committed") as caught:
        stamp.stamp(lab.connection.project, "")
    assert "git add uv.lock" in caught.value.todo


@pytest.mark.needs("root")  # to mount a small disk
@pytest.mark.parametrize("size", ["8m", "40m"], ids=["to-arrive", "to-be-built"])
def test_a_full_disk_is_told_and_mended(bare: Lab, size: str) -> None:
    with small_disk(bare.home, size):
        bare.bring_code()
        with pytest.raises(Problem, match="disk of far is full"):
            bare.build()
        assert not bare.stamped()
        assert not list((bare.home / ".local/state/remote-lab/demo-lab").glob("in.*"))
        subprocess.run(
            ["mount", "-o", "remount,size=400m", bare.home], check=True, timeout=10
        )
        bare.build()
        assert bare.python("import six") == ""


class small_disk:
    """A disk of its own for a folder, while the block lasts."""

    def __init__(self, folder: Path, size: str) -> None:
        self.folder, self.size = folder, size

    def __enter__(self) -> None:
        options = f"size={self.size}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def conda_lab(lab: Lab) -> Lab:
    text = REMOTE_TOML.replace('"uv"', '"conda"')
    (lab.root / "remote.toml").write_text(text)
    (lab.root / "environment.yml").write_text("name: demo-lab\n")
    lab.commit()
    return Lab(lab.root, lab.bin.parent)


CONDA = """\
echo "${0##*/} $*" >>"$HOME/calls"
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/conda-meta"
"""


@pytest.mark.parametrize(
    ("tool", "create", "update"),
    [
        ("micromamba", "create", "install"),
        ("mamba", "env create", "env update --prune"),
        ("conda", "env create", "env update --prune"),
    ],
)
def test_conda_builds_and_updates(
    conda_lab: Lab, tool: str, create: str, update: str
) -> None:
    conda_lab.tool(tool, CONDA)
    conda_lab.build()
    assert conda_lab.stamped()
    conda_lab.build()
    rest = f"--prefix {conda_lab.code}/.venv --file environment.yml"
    assert (conda_lab.home / "calls").read_text().splitlines() == [
        f"{tool} {create} {rest}",
        f"{tool} {update} {rest}",
    ]


def test_conda_that_is_missing_or_offline(conda_lab: Lab) -> None:
    with pytest.raises(Problem, match="no micromamba, mamba or conda"):
        conda_lab.build()
    conda_lab.tool("conda", "echo CondaHTTPError: HTTP 000 CONNECTION FAILED; exit 1")
    with pytest.raises(build.NoNetwork) as caught:
        conda_lab.build()
    assert "can't be sent" in caught.value.todo
