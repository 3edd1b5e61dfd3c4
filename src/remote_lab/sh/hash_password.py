"""Write the hash of a password into jupyter_server's settings, beside what is there.

It runs on the remote, in the project's environment: the password comes on standard
input, and the file's path is the argument.
"""

import json
import sys
from pathlib import Path
from typing import Any

import jupyter_server.auth

auth: Any = jupyter_server.auth
file = Path(sys.argv[1])
config = json.loads(file.read_text()) if file.exists() else {}
hashed = auth.passwd(sys.stdin.read())
config.setdefault("PasswordIdentityProvider", {})["hashed_password"] = hashed
new = Path(f"{file}.new")
new.write_text(json.dumps(config, indent=2))
new.replace(file)
