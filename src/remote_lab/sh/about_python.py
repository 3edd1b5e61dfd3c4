"""Runs on a remote, by each Python there: reports it, if wheels for it are common.

The record is: python, its path, and what markers of the lock file may ask, as JSON.
"""

import json
import os
import platform
import sys
import sysconfig

version = platform.python_version().rstrip("+")
if (
    sys.implementation.name == "cpython"
    and sys.maxsize > 2**32
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
):
    markers = {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": version,
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }
    # Of the interpreter that a venv leads to: the venv may have to be made anew.
    path = getattr(sys, "_base_executable", sys.executable)
    print("\t".join(("python", path, json.dumps(markers))))
