"""Edits to one side of a pair or to both, by whoever makes them."""

from __future__ import annotations

import copy
import json

import jupytext
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext import build_sync_jupytext_contents_manager_class
from pairing import NOTEBOOK, SCRIPT, Repo, scenario

NEW = ("code", "x = 10")


def edited(repo: Repo, *names: str) -> None:
    """Make the same edit in these files."""
    for name in names:
        repo.edit(name, "x = 1", "x = 10")


@scenario("The script was edited", scripts="at once", with_notebooks="second try")
def test_script(repo: Repo, ending: str) -> None:
    """The notebook is updated; the other cells keep their outputs."""
    before = repo.outputs()
    edited(repo, SCRIPT)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()
    kept = {source: text for source, text in before.items() if source != "x = 1"}
    assert kept.items() <= repo.outputs().items()


@scenario("The notebook was edited", all="second try")
def test_notebook(repo: Repo, ending: str) -> None:
    """The script is updated."""
    edited(repo, NOTEBOOK)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("Both were edited, and are the same", all="at once")
def test_both_the_same(repo: Repo, ending: str) -> None:
    """There is nothing to do."""
    edited(repo, SCRIPT, NOTEBOOK)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("Both were edited, and differ", all="refused")
def test_both_differently(repo: Repo, ending: str) -> None:
    """You choose: `./remote pairs --from script FILE`, or `--from notebook`.

    What is overwritten is stored in git, and the message has its name.
    """
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.edit(NOTEBOOK, "y = 2", "y = 20")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "y = 2") in repo.cells(SCRIPT)
    assert ("code", "x = 1") in repo.cells(NOTEBOOK)
    ends = []
    for way, chosen in repo.each_way_out():
        ends.append([source for _, source in chosen.in_step()])
        lost = "y = 20" if "script" in way else "x = 10"
        assert lost in chosen.shown()
    assert sorted(ends) == [
        ["# Title", "x = 1", "y = 20", "x"],
        ["# Title", "x = 10", "y = 2", "x"],
    ]


@scenario(
    "The script was edited, and the notebook's file is newer",
    scripts="at once",
    with_notebooks="second try",
)
def test_script_older(repo: Repo, ending: str) -> None:
    """The same: times do not count."""
    edited_and_older(repo, ending, SCRIPT, NOTEBOOK)


@scenario("The notebook was edited, and the script's file is newer", all="second try")
def test_notebook_older(repo: Repo, ending: str) -> None:
    """The same: times do not count."""
    edited_and_older(repo, ending, NOTEBOOK, SCRIPT)


def edited_and_older(repo: Repo, ending: str, side: str, other: str) -> None:
    """Edit one side, have the other one's file be newer, and commit."""
    edited(repo, side)
    repo.touch(other, 100)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario(
    "An edit left the file as long and as old as it was",
    scripts="at once",
    with_notebooks="second try",
)
def test_hidden_edit(repo: Repo, ending: str) -> None:
    """It is seen."""
    script = repo.path(SCRIPT)
    before = script.stat()
    repo.edit(SCRIPT, "x = 1", "x = 7")
    repo.touch(SCRIPT, before.st_mtime - script.stat().st_mtime)
    # Or git itself would not see it.
    repo.git("update-index", "--really-refresh", check=False)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 7") in repo.in_step()


def lab_saves(repo: Repo, old: str, new: str) -> None:
    """Open the notebook in a JupyterLab that has jupytext, change it, save."""
    make = build_sync_jupytext_contents_manager_class
    lab = make(LargeFileManager)(root_dir=str(repo.root))
    model = lab.get(NOTEBOOK)
    for cell in model["content"].cells:
        cell.source = cell.source.replace(old, new)
    model["content"] = json.loads(json.dumps(model["content"]))  # as it travels
    lab.save(model, NOTEBOOK)


@scenario("Saved in JupyterLab with jupytext; all is added", all="at once")
def test_lab(repo: Repo, ending: str) -> None:
    """It has written both."""
    lab_saves(repo, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("Saved in JupyterLab; one of both is added", with_notebooks="second try")
@pytest.mark.parametrize("added", [SCRIPT, NOTEBOOK])
def test_lab_one_added(repo: Repo, ending: str, added: str) -> None:
    """You are asked to add the other."""
    repo.use_hooks("pre-commit")
    lab_saves(repo, "x = 1", "x = 10")
    repo.git("add", added)
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("JupyterLab saved the script that it opened as a notebook", scripts="at once")
def test_lab_script(repo: Repo, ending: str) -> None:
    """The same."""
    lab = build_sync_jupytext_contents_manager_class(LargeFileManager)(
        root_dir=str(repo.root)
    )
    model = lab.get(SCRIPT, type="notebook")
    model["content"].cells[1].source = "x = 10"
    lab.save(model, SCRIPT)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("Saved in VS Code, which knows no pairs", all="second try")
def test_vscode(repo: Repo, ending: str) -> None:
    """The script is updated; VS Code's own metadata stays out of it."""
    notebook = repo.notebook()
    notebook["metadata"]["vscode"] = {"interpreter": {"hash": "12ab"}}
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.13.1"}
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("x = 1", "x = 10")
    repo.keep(NOTEBOOK, notebook)
    repo.write(NOTEBOOK, repo.read(NOTEBOOK).rstrip("\n"))
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()
    assert "vscode" not in repo.read(SCRIPT)
    assert "3.13.1" not in repo.read(SCRIPT)


OTHER = {"display_name": "Conda", "language": "python", "name": "conda-base"}


@scenario("Another kernel was chosen", all="second try")
def test_kernel(repo: Repo, ending: str) -> None:
    """Both files keep it, whoever edits what next."""
    notebook = repo.notebook()
    notebook["metadata"]["kernelspec"] = OTHER
    repo.keep(NOTEBOOK, notebook)
    repo.more()
    assert repo.commit() == ending
    repo.program("sync", check=True)
    assert kernels(repo) == ["conda-base"] * 2
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.program("refresh", check=True)
    repo.more()
    repo.commit()
    assert NEW in repo.in_step()
    assert kernels(repo) == ["conda-base"] * 2
    # And back again, in the notebook alone.
    notebook = repo.notebook()
    notebook["metadata"]["kernelspec"] = {**OTHER, "name": "titanic"}
    repo.keep(NOTEBOOK, notebook)
    repo.more()
    assert repo.commit() == ending
    assert kernels(repo) == ["titanic"] * 2


@scenario(
    "A script names another kernel", scripts="at once", with_notebooks="second try"
)
def test_kernel_in_script(repo: Repo, ending: str) -> None:
    """The notebook is updated, at this commit or the next checkout."""
    repo.edit(SCRIPT, "name: titanic", "name: conda-base")
    repo.git("add", "-A")
    assert repo.commit() == ending
    repo.program("refresh", check=True)
    assert kernels(repo) == ["conda-base"] * 2
    assert "name: conda-base" in repo.git("show", f"HEAD:{SCRIPT}").stdout


@scenario("A new notebook names another kernel", all="second try")
def test_kernel_of_a_new_notebook(repo: Repo, ending: str) -> None:
    """Its script names it, too."""
    repo.save("notebooks/b.ipynb", [("code", "x = 1")])
    notebook = repo.notebook("notebooks/b.ipynb")
    notebook["metadata"]["kernelspec"] = OTHER
    repo.keep("notebooks/b.ipynb", notebook)
    repo.more()
    assert repo.commit() == ending
    assert kernels(repo, "notebooks/b") == ["conda-base"] * 2


@scenario("A script names Jupyter's own `python3`", all="second try")
def test_generic_kernel(repo: Repo, ending: str) -> None:
    """That is every environment's: the header names the project's kernel."""
    repo.edit(SCRIPT, "name: titanic", "name: python3")
    repo.more()
    assert repo.commit() == ending
    assert "name: titanic" in repo.git("show", f"HEAD:{SCRIPT}").stdout
    assert kernels(repo) == ["titanic"] * 2


def kernels(repo: Repo, pair: str = "notebooks/a") -> list[str]:
    """The kernels that a pair's script and notebook name."""
    named = jupytext.reads(repo.read(f"{pair}.py"), "py:percent").metadata
    return [
        named["kernelspec"]["name"],
        repo.notebook(f"{pair}.ipynb")["metadata"]["kernelspec"]["name"],
    ]


@scenario("The notebook ran once more", both="at once", both_stripped="second try")
def test_outputs(repo: Repo, ending: str) -> None:
    """Its outputs are committed, or taken out of the file, as the answer says."""
    notebook = repo.notebook()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            output = {"name": "stdout", "output_type": "stream", "text": ["fresh"]}
            cell |= {"execution_count": 7, "outputs": [copy.deepcopy(output)]}
    repo.keep(NOTEBOOK, notebook)
    repo.more()
    assert repo.commit() == ending
    assert len(repo.in_step()) == 4
    committed = repo.git("show", f"HEAD:{NOTEBOOK}").stdout
    assert ("fresh" in committed) == (repo.mode == "both")


@scenario("Cells have tags, as papermill's parameters", all="second try")
def test_tags(repo: Repo, ending: str) -> None:
    """Both sides keep them."""
    notebook = repo.notebook()
    notebook["cells"][1]["metadata"] = {"tags": ["parameters"]}
    notebook["cells"][2]["metadata"] = {"slideshow": {"slide_type": "skip"}}
    repo.keep(NOTEBOOK, notebook)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert 'tags=["parameters"]' in repo.git("show", f"HEAD:{SCRIPT}").stdout
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    repo.commit()
    metadata = [cell["metadata"] for cell in repo.notebook()["cells"]]
    assert metadata[1] == {"tags": ["parameters"]}
    assert metadata[2] == {"slideshow": {"slide_type": "skip"}}
    assert NEW in repo.in_step()


@scenario("Code is not formatted", all="second try")
@pytest.mark.parametrize("name", [SCRIPT, NOTEBOOK])
def test_black(repo: Repo, ending: str, name: str) -> None:
    """New code is formatted, on both sides, and keeps its outputs."""
    repo.edit(name, "x = 1", "x=[1,2]")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = [1, 2]") in repo.in_step()
