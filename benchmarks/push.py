"""How long a push takes, as multiples of a login: ours, and that of its peers.

    uv run --frozen --group bench python benchmarks/push.py [--json FILE]

See benchmarks/README.md. It starts itself anew in a network namespace, where its own
sshd and the way to it are all there is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contender import own
from many import COUNTS, dropped, many
from measure import BenchmarkFailed
from peers import fetch, peers
from report import LATEST, latest, report
from rounds import measured, note
from scene import Scene, build_program

FAR = 50.0  # ms
INSIDE = "REMOTE_LAB_BENCHMARK_INSIDE"


def main() -> None:
    """Measure what the command line asks for, and tell."""
    options = arguments()
    if INSIDE not in os.environ:
        go_inside()
    # So that the scene is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    subprocess.run(["ip", "link", "set", "up", "dev", "lo"], check=True)
    figures: dict[str, Any] = {"machine": machine(), "load": [os.getloadavg()]}
    figures["runs"], figures["parts"] = options.runs, []
    try:
        for told in parts(options):
            figures["parts"].append(told)
    except BenchmarkFailed as error:  # what was measured before counts all the same
        note(f"ended here: {error}")
    figures["load"].append(os.getloadavg())
    print(report(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.readme:
        page = Path(__file__).with_name("README.md")
        before = page.read_text().partition(LATEST)[0]
        page.write_text(before + LATEST + latest(figures))


def parts(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each part of the benchmark: a scene, and the figures from it."""
    words = options.only.split(",")
    for rtt in options.rtt:
        with Scene(rtt) as scene:
            contenders = own(scene)
            if not options.without_peers:
                contenders += peers(scene)
            chosen = [
                each
                for number, each in enumerate(contenders)
                if number == 0 or any(word in each.name for word in words)
            ]
            title = f"{rtt:g} ms round trip"
            told = measured(title, chosen, options.runs)
            yield {**told, "key exchange": key_exchange(scene)}
    for count in COUNTS if options.scale else ():
        with Scene(FAR, count) as scene:
            title = f"{FAR:g} ms round trip, {count} remotes"
            told = measured(title, many(scene), options.runs)
            yield {**told, "dropped by sshd": dropped(scene)}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    parser.add_argument("--readme", action="store_true", help="put its latest table")
    parser.add_argument("--runs", type=int, default=7, help="of each cell")
    parser.add_argument(
        "--rtt", default=f"0,{FAR:g}", help="round trips in ms, or none"
    )
    parser.add_argument("--only", default="", help="rows that hold one of these words")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--scale", action="store_true", help="many remotes as well")
    options = parser.parse_args()
    options.rtt = [float(word) for word in options.rtt.split(",") if word]
    return options


def go_inside() -> None:
    """Start this program anew in a network namespace, in the place of this one.

    There, uv has no index to ask: what it needs is fetched before.
    """
    build_program()
    fetch()
    namespace = ["unshare", "--net"]
    if os.geteuid():
        namespace += ["--user", "--map-current-user", "--keep-caps"]
    os.environ.update({INSIDE: "1", "UV_OFFLINE": "1"})
    os.execvp(namespace[0], [*namespace, sys.executable, *sys.argv])


def key_exchange(scene: Scene) -> str:
    """What ssh and sshd agree on: much of a login on a near machine is this."""
    said = scene.run("ssh", "-v", "bare", "true")
    found = re.findall(r"kex: (algorithm|host key algorithm): (\S+)", said)
    cipher = re.findall(r"kex: server->client cipher: (\S+)", said)
    return ", ".join([*(name for _, name in found), *cipher])


def machine() -> dict[str, str]:
    """What this ran on, and with which programs."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    ssh = subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processors": f"{os.cpu_count()} x {model[1] if model else '?'}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ssh": ssh.stderr.strip(),
    }


if __name__ == "__main__":
    main()
