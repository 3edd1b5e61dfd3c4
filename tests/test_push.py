"""The push's promises, one by one, on the sandbox: the same sh as on a real remote.

The first, all or nothing, is in test_push_atomic.py; the fifth, what is restarted, in
test_lab.py, where a lab runs; odd remotes, over a real ssh,
in test_push_odd.py, test_push_odd_sshd.py and test_push_needs.py.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from laptop import Laptop
from project import Project, sees, snapshot
from pushing import BASHRC, TMUX, after_push, push, stream


@pytest.fixture
def project(laptop: Laptop) -> Project:
    return Project.rendered(laptop)


@pytest.fixture
def pushed(project: Project) -> Project:
    project.remote("push", "--only", "home")
    return project


# 2. Three ways


def test_an_edit_there_is_never_overwritten(pushed: Project) -> None:
    there = pushed.home / TMUX
    there.write_text(there.read_text() + "# mine\n")
    assert "left alone" in push(pushed)
    pushed.edit(TMUX, "# theirs")
    before = snapshot(pushed.home, times=True)
    done = pushed.remote("push", "--only", "home", check=False)
    assert done.returncode == 3
    assert "-# mine" in done.stdout
    assert "+# theirs" in done.stdout
    assert "--force" in done.stderr
    assert snapshot(pushed.home, times=True) == before


def test_an_edit_there_survives_news_elsewhere(pushed: Project) -> None:
    there = pushed.home / TMUX
    there.write_text("# mine\n")
    (pushed.home / ".config/remote-lab/titanic/my own file").write_text("own\n")
    pushed.edit(BASHRC, "# new")
    push(pushed)
    assert there.read_text() == "# mine\n"
    assert (
        pushed.home / ".config/remote-lab/titanic/my own file"
    ).read_text() == "own\n"
    assert (pushed.home / BASHRC).read_text().endswith("# new\n")


def test_force_overwrites_and_undo_brings_the_edit_back(pushed: Project) -> None:
    there = pushed.home / TMUX
    there.write_text("# mine\n")
    pushed.edit(TMUX, "# theirs")
    push(pushed, "--force")
    assert there.read_text().endswith("# theirs\n")
    pushed.remote("undo")
    assert there.read_text() == "# mine\n"


@pytest.mark.parametrize("edited", [False, True])
def test_what_the_template_drops_goes_unless_edited(
    pushed: Project, edited: bool
) -> None:
    there = pushed.home / TMUX
    if edited:
        there.write_text("# mine\n")
    (pushed.pieces / TMUX).unlink()
    said = push(pushed)
    assert there.exists() == edited
    assert ("left alone" in said) == edited


# 3. Undo


def test_undo_restores_contents_modes_and_links(pushed: Project) -> None:
    before = snapshot(pushed.home / ".config/remote-lab/titanic/")
    seen = sees(pushed.home)
    pushed.edit(TMUX, "# new")
    (pushed.pieces / BASHRC).chmod(0o755)
    (pushed.pieces / ".config/remote-lab/titanic/more").symlink_to("tmux.conf")
    (pushed.pieces / ".config/remote-lab/titanic-other").write_text("outside\n")
    push(pushed)
    assert (pushed.home / ".config/remote-lab/titanic-other").read_text() == "outside\n"
    assert os.access(pushed.home / BASHRC, os.X_OK)
    pushed.remote("undo")
    assert snapshot(pushed.home / ".config/remote-lab/titanic/") == before
    assert sees(pushed.home) == seen
    assert not (pushed.home / ".config/remote-lab/titanic-other").is_symlink()
    done = pushed.remote("undo", check=False)
    assert done.returncode == 1
    assert "first push" in done.stderr


def test_a_handful_of_generations_is_kept(pushed: Project) -> None:
    for number in range(8):
        pushed.edit(TMUX, f"# {number}")
        push(pushed)
    kept = [p.name for p in (pushed.state / "generations").iterdir()]
    assert sorted(map(int, kept)) == [5, 6, 7, 8, 9]


def test_remove_leaves_nothing_but_what_the_user_wrote(pushed: Project) -> None:
    pushed.remote("remove")
    assert {p.name for p in pushed.home.iterdir()} <= {".local"}
    push(pushed)
    (pushed.home / ".config/remote-lab/titanic/my own").write_text("own\n")
    said = pushed.remote("remove").stderr
    [kept] = [p for p in pushed.home.iterdir() if p.name != ".local"]
    assert kept.name in said
    assert (kept / ".config/remote-lab/titanic/my own").read_text() == "own\n"


def test_half_a_first_push_can_be_removed(project: Project) -> None:
    argv, env, data = stream(project)
    folder = project.laptop.home / "killers"
    folder.mkdir()
    # It dies at the switch: the links are there, and lead nowhere.
    (folder / "mv").write_text(
        "#!/bin/sh\ncase $* in *current*) kill -9 $PPID; exit 1;; esac\n"
    )
    with (folder / "mv").open("a") as stub:
        stub.write(f'exec {shutil.which("mv")} "$@"\n')
    (folder / "mv").chmod(0o755)
    env["PATH"] = f"{folder}:{env['PATH']}"
    subprocess.run(argv, env=env, input=data, check=False, capture_output=True)
    assert (project.home / ".config/remote-lab/titanic").is_symlink()
    assert sees(project.home) == {}
    project.remote("remove")
    assert {p.name for p in project.home.iterdir()} <= {".local"}


def test_a_dotfile_at_the_top_of_the_home(pushed: Project) -> None:
    (pushed.pieces / ".vimrc").write_text("set nu\n")
    push(pushed)
    assert (pushed.home / ".vimrc").read_text() == "set nu\n"
    pushed.remote("undo")
    assert not (pushed.home / ".vimrc").is_symlink()


# 4. No changes, no work


def test_no_news_changes_nothing(pushed: Project) -> None:
    before = snapshot(pushed.home, times=True)
    assert "nothing to do" in push(pushed)
    assert snapshot(pushed.home, times=True) == before


def test_one_changed_file_is_all_that_is_put(pushed: Project) -> None:
    pushed.edit(TMUX, "# new")
    done = pushed.remote("push", "--only", "home", "--json")
    assert json.loads(done.stdout)[0]["changed"] == [TMUX]


# 5. What has to follow a change follows it, whatever comes between


def test_what_is_owed_is_owed_by_the_next_generation_too(pushed: Project) -> None:
    for owed in ("lab", "tmux"):
        (pushed.state / "current/pending" / owed).touch()
    pushed.edit(BASHRC, "# news that calls for nothing")
    argv, env, data = stream(pushed)
    # It dies when the switch is turned, before anything has followed.
    stubs = pushed.laptop.home / "stubs"
    stubs.mkdir()
    (stubs / "tmux").write_text("#!/bin/sh\nkill -9 $PPID\n")
    (stubs / "tmux").chmod(0o755)
    env["PATH"] = f"{stubs}:{env['PATH']}"
    subprocess.run(argv, env=env, input=data, check=False, capture_output=True)
    pending = (pushed.state / "current/pending").iterdir()
    assert {p.name for p in pending} == {"lab", "tmux"}
    assert (pushed.state / "current").readlink().name == "2"
    pushed.remote("undo")
    assert [*(pushed.state / "current/pending").iterdir()] == []


# 6. Dry run


def test_dry_run_shows_the_diff_and_changes_nothing(pushed: Project) -> None:
    pushed.edit(TMUX, "# new")
    before = snapshot(pushed.home, times=True)
    done = pushed.remote("push", "--only", "home", "--dry-run")
    assert f"+++ here/{TMUX}" in done.stdout
    assert "\n+# new" in done.stdout
    assert snapshot(pushed.home, times=True) == before


def test_dry_run_of_a_first_push_leaves_an_empty_home(project: Project) -> None:
    done = project.remote("push", "--only", "home", "--dry-run")
    assert "--- there/" in done.stdout
    assert list(project.home.iterdir()) == []


# 7. One at a time


def owner(pid: int, boot: str | None = None) -> str:
    boot = boot or Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{os.uname().nodename}:{boot}:{pid}:{started}:0123456789abcdef"


def test_a_push_under_way_is_waited_for(pushed: Project) -> None:
    pushed.edit(TMUX, "# new")
    lock = pushed.state / "lock"
    lock.symlink_to(owner(os.getpid()))
    before = snapshot(pushed.home, times=True)
    done = pushed.remote("push", "--only", "home", check=False)
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr
    assert snapshot(pushed.home, times=True) == before


@pytest.mark.parametrize("how", ["ended", "other boot", "pid used again"])
def test_the_lock_of_a_dead_push_is_taken_over(pushed: Project, how: str) -> None:
    pushed.edit(TMUX, "# new")
    child = subprocess.Popen(["sleep", "60"])
    holder = owner(child.pid, "another-boot" if how == "other boot" else None)
    if how == "ended":
        child.kill()
        child.wait()
    elif how == "pid used again":
        parts = holder.split(":")
        holder = ":".join([*parts[:3], str(int(parts[3]) - 1), parts[4]])
    (pushed.state / "lock").symlink_to(holder)
    push(pushed)
    assert (pushed.home / TMUX).read_text().endswith("# new\n")
    assert not (pushed.state / "lock").is_symlink()
    child.kill()
    child.wait()


def test_of_many_at_once_each_wins_or_says_why(pushed: Project) -> None:
    runs = []
    for number in range(6):
        pushed.edit(TMUX, f"# {number}")
        argv, env, data = stream(pushed)
        runs.append(
            subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        stdin = runs[-1].stdin
        assert stdin
        stdin.write(data)
        stdin.flush()
    said = [run.communicate()[0].decode() for run in runs]
    won = [text for text in said if "generation" in text]
    assert won
    assert all("locked" in text for text in said if text not in won)
    push(pushed)
    assert (pushed.home / TMUX).read_bytes() == (pushed.pieces / TMUX).read_bytes()


# 8. Odd remotes


@pytest.mark.parametrize("before", ["", "alias a=b", "alias a=b\n", "alias a=b\n\n"])
def test_bashrc_is_the_same_after_remove(project: Project, before: str) -> None:
    project.home.mkdir(parents=True)
    bashrc = project.home / ".bashrc"
    bashrc.write_text(before)
    push(project)
    assert "# >>> titanic >>>" in bashrc.read_text()
    project.remote("remove")
    assert bashrc.read_text() == before


def test_bashrc_block_goes_in_once_and_out_cleanly(project: Project) -> None:
    real = project.home / "dotfiles" / "bashrc"
    real.parent.mkdir(parents=True)
    real.write_text("echo noise\nalias a=b")  # with no end of line
    real.chmod(0o640)
    bashrc = project.home / ".bashrc"
    bashrc.symlink_to("dotfiles/bashrc")
    push(project)
    project.edit(TMUX, "# new")
    push(project)
    assert bashrc.is_symlink()
    assert real.read_text().count("# >>> titanic >>>") == 1
    assert real.stat().st_mode & 0o777 == 0o640
    project.remote("remove")
    assert real.read_text() == "echo noise\nalias a=b"
    assert bashrc.is_symlink()


@pytest.mark.parametrize("lost", ["# >>> titanic >>>\n", "# <<< titanic <<<\n"])
def test_a_block_that_the_user_has_touched_takes_nothing_of_his_along(
    pushed: Project, lost: str
) -> None:
    bashrc = pushed.home / ".bashrc"
    bashrc.write_text(bashrc.read_text().replace(lost, "") + "alias mine=ls\n")
    pushed.remote("remove")
    assert "alias mine=ls\n" in bashrc.read_text()


def test_a_home_with_spaces_and_quotes(laptop: Laptop) -> None:
    project = Project.rendered(laptop, folder='it\'s a ünï "home"')
    push(project)
    project.edit(TMUX, "# new")
    push(project)
    assert sees(project.home) == after_push(project)
    project.remote("undo")
    project.remote("remove")


def test_something_of_the_users_in_our_place_is_left(project: Project) -> None:
    own = project.home / ".config/remote-lab/titanic"
    own.mkdir(parents=True)
    (own / "notes").write_text("mine\n")
    done = project.remote("push", "--only", "home", check=False)
    assert done.returncode == 1
    assert "not ours" in done.stderr
    assert "mv .config/remote-lab/titanic" in done.stderr
    assert (own / "notes").read_text() == "mine\n"
    assert sees(project.home) == {".config/remote-lab/titanic/notes": b"mine\n"}


# 9. Conflicts are never pushed


def test_conflict_markers_are_never_pushed(pushed: Project) -> None:
    pushed.edit(TMUX, "<<<<<<< before\n# a\n=======\n# b\n>>>>>>> after")
    done = pushed.remote("push", check=False)
    assert done.returncode == 1
    assert TMUX in done.stderr
    assert "<<<<" not in (pushed.home / TMUX).read_text()


def test_unmerged_files_are_never_pushed(pushed: Project) -> None:

    def git(*words: str, check: bool = True) -> None:
        pushed.laptop.run("git", *words, cwd=pushed.root, check=check)

    git("checkout", "-qb", "other")
    pushed.edit(TMUX, "# a")
    pushed.commit("a")
    git("checkout", "-q", "-")
    pushed.edit(TMUX, "# b")
    pushed.commit("b")
    git("merge", "other", check=False)
    (pushed.pieces / TMUX).write_text("# resolved, but not said so\n")
    done = pushed.remote("push", check=False)
    assert done.returncode == 1
    assert "unresolved" in done.stderr


def test_ctrl_c_says_so_and_leaves_all_as_it_was(pushed: Project) -> None:
    pushed.edit(TMUX, "# new")
    before = snapshot(pushed.home, times=True)
    process = subprocess.Popen(
        ["./remote", "push", "--only", "home"],
        cwd=pushed.root,
        env={
            **pushed.laptop.env,
            "PATH": f"{slow_sh(pushed)}:{pushed.laptop.env['PATH']}",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    started = pushed.laptop.home / "started"
    while not started.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "nterrupted" in said
    assert snapshot(pushed.home, times=True) == before


def slow_sh(project: Project) -> Path:
    """A folder for PATH with an `sh` that says it began, and then waits."""
    folder = project.laptop.home / "slow"
    folder.mkdir()
    started = project.laptop.home / "started"
    (folder / "sh").write_text(f"#!/bin/dash\n: >{started}\nexec sleep 60\n")
    (folder / "sh").chmod(0o755)
    return folder
