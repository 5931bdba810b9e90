"""The first two minutes of a newcomer: an installed package, outside the repository, without network."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from command import mctl

from mctl.recipe import Recipe, load_recipe

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
    recipe = load_recipe(tmp_path / "mctl-quickstart" / "mctl.toml")
    assert recipe.gate == Recipe().gate, "the thresholds are those that everybody has"
    rows = made["teacher"]["data"]["rows"]
    assert rows["test"] >= 1000
    assert rows["train"] <= 1120
    assert done.stderr.splitlines()[-1].startswith("next: mctl inspect mctl-quickstart/artifacts/")
    for folder in (tmp_path, tmp_path / "mctl-quickstart"):
        for command in (["inspect"], ["predict", "मुंबईत आज जोरदार पाऊस"], ["export"], ["validate", "--no-emissions"]):
            ran = mctl(*command, cwd=folder)
            assert ran.code == 0, ran.err
            said = "using mctl-quickstart/mctl.toml" in ran.err
            assert said == (folder == tmp_path), ran.err
