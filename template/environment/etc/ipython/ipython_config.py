"""For every kernel of this environment: code edited in src/ is taken up as it changes.

The project's own package brings this file into the environment's etc/ipython.
"""

c = get_config()  # noqa: F821  (IPython puts it here)

# 3 and not 2, which misses an edit that follows a failed reload.
c.InteractiveShellApp.exec_lines = ["%load_ext autoreload", "%autoreload 3"]
