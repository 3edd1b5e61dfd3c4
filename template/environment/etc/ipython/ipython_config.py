"""For every kernel of this environment: reloads code in src/ as you edit it."""

from pathlib import Path

c = get_config()  # noqa: F821  (IPython puts it here)

# 3 and not 2, which misses an edit that follows a failed reload.
c.InteractiveShellApp.exec_lines = ["%load_ext autoreload", "%autoreload 3"]
# %pip install: what it installs would be gone with the next push.
c.InteractiveShellApp.exec_files = [str(Path(__file__).with_name("pip_magic.py"))]
