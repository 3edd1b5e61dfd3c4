"""%pip install prints how to add a package for good; see ipython_config.py."""


def _magic():
    import shlex
    import sys
    from pathlib import Path

    shell = get_ipython()  # noqa: F821  (IPython puts it here)
    usual = shell.find_line_magic("pip")
    conda = Path(sys.prefix, "conda-meta").is_dir()

    def pip(line):
        """Print how to install; do all else that pip can."""
        words, python = line.split(), shlex.quote(sys.executable)
        if words[:1] != ["install"]:
            return usual(line)
        packages = " ".join(words[1:]) or "PACKAGE"
        add = f"uv add {packages}"
        insist = f"!uv pip install --python {python} {packages}"
        if conda:
            add = f"add {packages} to environment.yml"
            insist = f"!{python} -m pip install {packages}"
        print(
            "Nothing was installed: the next push would remove what %pip installs.\n"
            f"On the laptop, in the project:\n    {add}\n"
            f"    git commit -am 'Add {packages}'\n    ./remote push\n"
            f"To install it until that push, run in a cell:\n    {insist}"
        )

    shell.register_magic_function(pip, "line", "pip")


_magic()
del _magic
