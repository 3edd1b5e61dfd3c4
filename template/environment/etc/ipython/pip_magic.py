"""%pip install says how a package gets into the environment and stays there.

ipython_config.py, beside this file, has each kernel of this environment run it.
"""


def _magic():
    import shlex
    import sys
    from pathlib import Path

    shell = get_ipython()  # noqa: F821  (IPython puts it here)
    usual = shell.find_line_magic("pip")
    conda = Path(sys.prefix, "conda-meta").is_dir()

    def pip(line):
        """Tell how to install; do all else that pip can."""
        words = line.split()
        if words[:1] != ["install"]:
            return usual(line)
        packages = " ".join(words[1:]) or "PACKAGE"
        add = f"uv add {packages}"
        insist = f"!uv pip install --python {shlex.quote(sys.executable)} {packages}"
        if conda:
            add = f"add {packages} to environment.yml"
            insist = f"!{shlex.quote(sys.executable)} -m pip install {packages}"
        print(
            "Nothing was installed: the next push would take out what %pip installs here.\n"
            "On the laptop, in the project:\n"
            f"    {add}\n"
            f"    git commit -am 'Add {packages}'\n"
            "    ./remote push\n"
            "To install it all the same, until that push, run in a cell:\n"
            f"    {insist}"
        )

    shell.register_magic_function(pip, "line", "pip")


_magic()
del _magic
