"""What the README tells a newcomer to type first, where there is next to nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from render import ROOT, released

GET_UV = ROOT / "tools" / "get_uv.py"


@pytest.mark.needs("network")
def test_uv_is_got_with_python_alone(tmp_path: Path) -> None:
    # -I and -S: neither the user's packages nor any others.
    subprocess.run([sys.executable, "-I", "-S", GET_UV, tmp_path], check=True)
    said = subprocess.run(
        [tmp_path / "uv", "--version"], check=True, capture_output=True, text=True
    )
    version = said.stdout.split()[1]
    lock = (ROOT / "uv.lock").read_text()
    assert f'name = "uv"\nversion = "{version}"' in lock


@pytest.mark.needs("network")
def test_a_uv_that_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(GET_UV, tmp_path / "tools")
    lock = (ROOT / "uv.lock").read_text()
    (tmp_path / "uv.lock").write_text(lock.replace("sha256:", "sha256:0"))
    done = subprocess.run(
        [sys.executable, tmp_path / "tools/get_uv.py", tmp_path / "out"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "hash differs" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.needs("network", "make")
@pytest.mark.xdist_group("demo")
def test_make_demo_on_a_machine_with_python_and_git(tmp_path: Path) -> None:
    clone = released(tmp_path / "clone")
    path = tmp_path / "path"
    path.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for tool in Path(folder).iterdir():
            link = path / tool.name
            if not link.exists() and tool.name not in ("uv", "tmux", "ssh", "rsync"):
                link.symlink_to(tool)
    env = {
        "PATH": str(path),
        "HOME": str(tmp_path),
        "UV_PYTHON_DOWNLOADS": "never",
        # So that it is not all fetched again: a copy that the newcomer would fill.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv")),
        **{n: v for n, v in os.environ.items() if n.startswith("SSL_CERT")},
    }
    done = subprocess.run(
        ["make", "demo", "CHECK=1"],
        cwd=clone,
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    if done.returncode:  # then it has left the lab running, to look at
        subprocess.run(["make", "demo-end"], cwd=clone, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 + 1 = 2" in done.stdout
    assert "/lab?token=" in done.stdout
    assert not (clone / ".demo").exists()
    # All that it put into the home is what other programs keep as their caches.
    assert {p.name for p in tmp_path.iterdir()} <= {
        "clone",
        "path",
        ".cache",
        ".local",
        ".rustup",
    }
