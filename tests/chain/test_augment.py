"""Altered copies over the command line."""

from __future__ import annotations

import json
from pathlib import Path

from command import mctl


def test_a_student_learns_from_altered_copies(copy_of_chain: Path) -> None:
    flags = ("--augment", 2, "--distill", "--ramp-epochs", 1, "--recovery-epochs", 1, "--name", "more")
    ran = mctl("compress", *flags, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    manifest = json.loads((copy_of_chain / "artifacts" / "more" / "manifest.json").read_text())
    originals = manifest["data"]["rows"]["train"]
    assert f"{2 * originals} altered copies" in ran.err
    assert manifest["recipe"]["compress"]["augment"] == 2


def test_copies_that_nobody_labels_are_refused(copy_of_chain: Path) -> None:
    ran = mctl("compress", "--augment", 2, "--no-distill", cwd=copy_of_chain)
    assert ran.code == 2
    assert "--augment" in ran.err
    assert "--distill" in ran.err
