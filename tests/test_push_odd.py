"""Odd accounts, over a real ssh: each is served, or told which need is unmet.

What a remote is served with is a whole life: first push, changed push, dry run, push
of nothing new, undo, remove; the home is looked at after each (OddRemote.lives).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import told
from needs import FAKETIME_LIBRARY, require
from odd import OddRemote
from process import run
from project import sees
from pushing import after_push

pytestmark = pytest.mark.needs("ssh", "uv", "nss_wrapper", "sshd")

Counted = Callable[[str], None]


# Login shells

NOISE = "echo noise; echo noise on stderr >&2; printf 'no line end'\n"
SHELLS = {
    "bash": ("bash", {".bashrc": NOISE}),
    "bash --posix": ("bash --posix", {".bashrc": NOISE}),
    "dash": ("dash", {".profile": NOISE}),
    "zsh": ("zsh", {".zshenv": NOISE}),
    "fish": ("fish --private", {".config/fish/config.fish": NOISE}),
    "csh": ("bsd-csh", {".cshrc": "echo noise\nset prompt = '> '\n"}),
    "tcsh": ("tcsh", {".tcshrc": "echo noise\nset prompt = '> '\n"}),
    "busybox": ("busybox sh", {".profile": NOISE}),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_login_shells_that_talk(account: OddRemote, shell: str) -> None:
    command, files = SHELLS[shell]
    require(command.split()[0])
    account.be(command)
    account.anew(files)
    account.lives("home,code")
    there = account.home / "titanic/remote.toml"
    assert there.read_bytes() == (account.project.root / "remote.toml").read_bytes()


# The sh that runs our program

SH = {
    "dash": "dash",
    "bash": "bash",
    "bash --posix": "bash --posix",
    "strict bash": "env SHELLOPTS=errexit:nounset:noclobber:noglob:posix bash",
    "busybox sh": "busybox sh",
}


@pytest.mark.parametrize("sh", SH)
def test_whatever_sh_is(account: OddRemote, tmp_path: Path, sh: str) -> None:
    require(SH[sh].split()[0])
    account.be(stage=f"PATH={program(tmp_path, 'sh', SH[sh])}:$PATH")
    account.anew({})
    account.lives()


def program(folder: Path, name: str, command: str) -> Path:
    """Make a program that becomes another; the folder where it is."""
    (folder / name).write_text(f'#!/bin/dash\nexec {command} "$@"\n')
    (folder / name).chmod(0o755)
    return folder


# Start files that do more than they should over ssh, and are served

VARIABLES = [
    "IFS=/.-a",
    "CDPATH=.:/:$HOME/.local",
    "PATH=.:'a b'::$PATH",
    "ENV=$HOME/.env",
    "BASH_ENV=$HOME/.env",
    "GREP_OPTIONS='--color=always -v'",
    "TAR_OPTIONS='--xattrs --verbose --exclude=*.conf'",
    "GZIP=-v",
    "POSIXLY_CORRECT=1",
    "TMPDIR=/nowhere",
    "XDG_CONFIG_HOME=/nowhere",
    "XDG_STATE_HOME=/nowhere",
    "LS_COLORS=x",
    "TERM=dumb",
    "COLUMNS=10",
    # Names that our programs use.
    *["work=/", "id=x", "mode=dry", "state=/", "owner=x", "changes=7", "l=x", "w=/"],
]
BASHRCS = {
    "prints megabytes": "yes noise | head -c 3000000 | tee /dev/stderr\n",
    "prints a line of megabytes": "head -c 3000000 /dev/zero | tr '\\0' x\n",
    "exec zsh": "exec zsh\n",
    "exec bash": '[ -n "$INNER" ] || INNER=1 exec bash\n',
    "reads a line": "read -r answer\n",
    "is strict": "set -uC\nexport SHELLOPTS\necho $nothing\n",
    "is broken": "if then\n",
    "aliases": "shopt -s expand_aliases\nalias tar=false sh=false echo=false\n",
    "functions": "tar() { false; }; sh() { false; }; export -f tar sh\n",
    "a locale of nowhere": "export LC_ALL=xx_XX.latin7 LANG=xx_XX LC_CTYPE=x\n",
    "Turkish": "export LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8\n",
    "no locale": "unset LANG LC_ALL LC_CTYPE\n",
    "few open files": "ulimit -n 20\n",
    "variables": "".join(f"export {variable}\n" for variable in VARIABLES),
}


@pytest.mark.parametrize("oddness", BASHRCS)
def test_a_bashrc_that_does_too_much(account: OddRemote, oddness: str) -> None:
    account.be()
    account.anew({".bashrc": BASHRCS[oddness]})
    account.lives()


# Start files that over ssh leave no way for our program

EATEN = "Something on titanic reads, or closes, the input of our program"
OTHER = "titanic ran something other than our program"
REFUSED = {
    "exec fish": ("exec fish\n", OTHER),
    "exec csh": ("exec bsd-csh\n", EATEN),
    "reads twice": ("read a; read b\n", EATEN),
    "reads all": ("cat >/dev/null\n", EATEN),
    "closes stdin": ("exec </dev/null\n", EATEN),
    "exits": ("echo bye; exit 3\n", f"{OTHER}. It printed: bye"),
    "exits in silence": ("exit 3\n", f"{OTHER}. It printed nothing"),
    "fails under set -e": ("set -e\nfalse\n", f"{OTHER}. It printed nothing"),
    "no PATH": ("PATH=/nowhere\n", "titanic finds no sh. It printed: "),
    "empty PATH": ("PATH=\n", "titanic finds no sh. It printed: "),
}


@pytest.mark.parametrize("oddness", REFUSED)
def test_a_bashrc_that_leaves_no_way(account: OddRemote, oddness: str) -> None:
    text, what = REFUSED[oddness]
    account.be()
    account.anew({".bashrc": text})
    account.refuses(
        what, "Nothing was changed there", "~/.bashrc", "ssh titanic echo hello"
    )
    account.refuses(what, verb="undo")
    # What it says to put there helps.
    if "PATH" not in oddness:
        guard = "case $- in *i*) ;; *) return ;; esac\n"
        account.anew({".bashrc": guard + text})
        account.push()


@pytest.mark.parametrize("text", ["exit\n", "exec cat >/dev/null\n"])
def test_who_says_nothing_and_is_content(account: OddRemote, text: str) -> None:
    account.be()
    account.anew({".bashrc": text})
    account.refuses(OTHER, "What it did is not known")


def test_a_bashrc_that_is_mute(account: OddRemote) -> None:
    account.be()
    account.anew({".bashrc": "exec >/dev/null\n"})
    # Our program ran, and nobody heard of it.
    told(account.push(check=False), 1, OTHER, "What it did is not known", "~/.bashrc")
    account.anew({})
    account.lives()


NO_SHELL = {
    "/usr/sbin/nologin": "It printed: This account is currently not available",
    "/bin/false": "It printed nothing",
    "/bin/bash -r": "exec: restricted",
    "echo welcome": "It printed: welcome -c exec sh",
}


@pytest.mark.parametrize("shell", NO_SHELL)
def test_an_account_without_a_shell(account: OddRemote, shell: str) -> None:
    account.be(shell)
    account.anew({})
    account.refuses(NO_SHELL[shell], "bound to a fixed command", "Ask for one")


# Homes, masks and clocks


HOMES = ['it\'s a ünï "home" $HOME `x`', "-n", "*"]


@pytest.mark.parametrize("home", HOMES)
def test_homes_with_odd_names(home: str) -> None:
    with OddRemote(home=home) as account:
        account.lives("home,code")


def test_a_home_that_is_a_link(tmp_path: Path) -> None:
    with OddRemote() as account:
        real = tmp_path / "real home"
        account.home.rename(real)
        account.home.symlink_to(real)
        account.lives("home,code")
        assert account.home.is_symlink()
        account.home.unlink()
        real.rename(account.home)


UMASKS = ["000", "002", "022", "077", "0777"]


@pytest.mark.parametrize("umask", UMASKS)
def test_umasks(account: OddRemote, umask: str) -> None:
    account.be()
    account.anew({".bashrc": f"umask {umask}\n", ".config/mine": "mine\n"})
    account.home.chmod(0o750)
    (account.home / ".config").chmod(0o710)
    account.push()
    ours = [account.home / ".config/remote-lab/titanic/", account.home / ".local"]
    for path in [*ours, *(found for place in ours for found in place.rglob("*"))]:
        assert path.lstat().st_mode & 0o077 == 0 or path.is_symlink(), path
    account.remote("remove")
    assert account.home.stat().st_mode & 0o777 == 0o750
    assert (account.home / ".config").stat().st_mode & 0o777 == 0o710


FAKETIME = "export LD_PRELOAD=$LD_PRELOAD:{} FAKETIME=-30y\n"


def test_times_that_are_years_off(account: OddRemote) -> None:
    def age(folder: Path, year: int) -> None:
        stamp = (year - 1970) * 31556952
        for path in folder.rglob("*"):
            os.utime(path, (stamp, stamp), follow_symlinks=False)

    account.be()
    account.anew({})
    for year in (1980, 2080):
        account.edit()
        age(account.project.pieces, year)
        account.push()
        age(account.home, year)
        assert "nothing to do" in account.push().stderr
        account.edit()
        age(account.project.pieces, 4060 - year)  # the new one seems the older, or not
        account.push()
        assert sees(account.home) == after_push(account.project)


@pytest.mark.needs("libfaketime")
def test_a_clock_that_is_decades_off(account: OddRemote) -> None:
    (library,) = Path("/usr/lib").glob(FAKETIME_LIBRARY)
    account.be(stage=FAKETIME.format(library))
    account.anew({})
    account.lives("home,code")


# Mounts


TMP = """\
[ "$STAGED" ] || STAGED=1 exec unshare -m "$0" "$@"
home=${{HOME%/*}}
for tmp in /tmp /var/tmp; do mount --bind $tmp $tmp; done
mount --bind $home $home
for tmp in /tmp /var/tmp; do mount -o remount,bind,{0} $tmp; done
"""
HOME = """\
[ "$STAGED" ] || STAGED=1 exec unshare -m "$0" "$@"
mount --bind "$HOME" "$HOME"
mount -o remount,bind,{0} "$HOME"
"""


@pytest.mark.needs("root")
@pytest.mark.parametrize("how", ["ro", "noexec"])
def test_a_tmp_that_will_not_do(account: OddRemote, how: str) -> None:
    account.be(stage=TMP.format(how))
    account.anew({})
    account.lives("home,code")


@pytest.mark.needs("root", "unshare", "python3", "tmux")
def test_a_lab_without_a_tmp(tmp_path: Path) -> None:
    with OddRemote() as account:
        account.be(stage=TMP.format("ro"))
        account.push()
        account.stand_in()
        # tmux can't make its socket there.
        assert "by process" in account.remote("lab", "start").stderr
        account.remote("remove")
    with OddRemote(service="tmux") as account:
        account.be(stage=TMP.format("ro"))
        account.push()
        account.refuses("tmux on titanic can't make its socket", verb="lab start")


LOCK = """\
version = 1
requires-python = ">=3.11"
[[package]]
name = "one"
version = "1"
wheels = [{ url = "https://example.org/one-1-py3-none-any.whl" }]
"""


@pytest.mark.needs("root", "unshare")
def test_a_home_where_nothing_can_be_run(account: OddRemote, tmp_path: Path) -> None:
    account.be(stage=HOME.format("noexec"))
    account.anew({})
    account.lives("home,code")
    account.push()
    account.refuses("mounted noexec", verb="lab start")
    # An internet and a uv to build an environment with.
    program(tmp_path, "curl", "true")
    program(tmp_path, "uv", "echo uv 0.9.30")
    account.be(stage=f"{HOME.format('noexec')}PATH={tmp_path}:$PATH")
    (account.project.root / "uv.lock").write_text(LOCK)
    account.project.commit("a lock file")
    done = account.remote("push", "--only", "code,env", check=False)
    told(done, 1, "mounted noexec", "ssh titanic ln -s FOLDER titanic/.venv")


@pytest.mark.needs("busybox")
def test_busybox_alone(account: OddRemote, tmp_path: Path) -> None:
    applets = tmp_path / "applets"
    applets.mkdir()
    run(["busybox", "--install", "-s", str(applets)])
    account.be(f"{applets}/sh", stage=f"export PATH={applets}")
    account.anew({})
    account.lives()


# More than a pipe holds, both ways at once


def test_much_noise_and_much_code(account: OddRemote) -> None:
    account.be()
    account.anew({".bashrc": "yes noise | head -c 9000000\n"})
    (account.project.root / "data.bin").write_bytes(os.urandom(9_000_000))
    account.project.commit("much")
    account.lives("home,code")


def test_how_many(counted: Counted) -> None:
    names = [*SHELLS, *SH, *BASHRCS, *VARIABLES, *REFUSED, *NO_SHELL, *HOMES, *UMASKS]
    number = len(names) + 12  # and those that have no table
    counted(f"{number} odd accounts, each served or told why not")
