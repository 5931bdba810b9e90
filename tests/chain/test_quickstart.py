"""The first two minutes of a newcomer: an installed package, outside the repository, without network."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

BOUND_S = 120
NO_NETWORK = """
import socket, sys

def refuse(*arguments, **keywords):
    raise OSError("the network was asked for")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
sys.argv = ["mctl", "quickstart"]
from mctl.cli import main
main()
"""


def test_quickstart_gives_a_verdict_in_two_minutes_without_network(tmp_path: Path) -> None:
    started = time.monotonic()
    # -I: neither the working directory nor PYTHONPATH are searched, so mctl comes from where it is installed.
    done = subprocess.run(
        [sys.executable, "-I", "-c", NO_NETWORK], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280
    )
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    assert "verdict: PASS" in done.stdout
    assert "synthetic" in done.stdout
    assert "\x1b[" not in done.stdout + done.stderr, "colours belong on a terminal"
    assert seconds < BOUND_S
    artifacts = tmp_path / "mctl-quickstart" / "artifacts"
    made = {path.parent.name: json.loads(path.read_text()) for path in artifacts.glob("*/manifest.json")}
    assert {name: manifest["kind"] for name, manifest in made.items()} == {
        "teacher": "teacher",
        "prune25-distill": "compressed",
        "prune25-distill-fp16": "export",
    }
    accuracy = made["teacher"]["facts"]["metrics"]["test"]["accuracy"]
    assert 0.5 < accuracy < 0.99, "neither chance nor certainty"
    assert (artifacts / "prune25-distill-fp16" / "validation.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["mctl-quickstart"]
