"""`mctl compress --target-speedup` from a teacher to an artifact that says what it reached."""

from __future__ import annotations

import json
from pathlib import Path

from command import mctl


def test_an_artifact_is_as_fast_as_was_asked_and_says_so(copy_of_chain: Path) -> None:
    ran = mctl(
        *("compress", "--target-speedup", 1.5, "--at", "8x16", "--threads", 1, "--no-distill"),
        *("--ramp-epochs", 1, "--recovery-epochs", 0),
        cwd=copy_of_chain,
    )
    assert ran.code == 0, ran.err
    manifest = json.loads((copy_of_chain / "artifacts" / "speedup1.5" / "manifest.json").read_text())
    target = manifest["facts"]["pruning"]["target"]
    assert target["asked"] == 1.5
    assert target["met"] == (abs(target["speedup"]["value"] / 1.5 - 1) <= 0.1)
    assert target["met"], target["attempts"]
    assert target["layout"] == manifest["facts"]["layout"]
    assert all(rows % target["tile"] == 0 for rows in target["layout"]["ffn"])
    assert target["place"] == {
        "provider": "cpu",
        "texts": 8,
        "tokens": 16,
        "threads": 1,
        "runtime": "onnxruntime",
        "clock": "processor",
    }
    assert target["speedup"]["low"] <= target["speedup"]["value"] <= target["speedup"]["high"]
    assert len(target["latency"]["table"]["heads"]) >= 2
