from __future__ import annotations

import pytest

from mctl.pipeline import machine
from mctl.pipeline.machine import is_named


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, True),
        ("Abacus, 3rd", True),
        ("A100", True),
        ("Abacus", False),
        ("Abacus, 3rd, 2 cores", True),
        ("Abacus, 3rd, 2 cores, 1 thread", True),
        ("Abacus, 3rd, 1 thread", True),
        ("Abacus, 3rd, 4 cores", False),
        ("Abacus, 3rd, 2 cores, 2 threads", False),
        ("A100, 1 core", False),
    ],
)
def test_a_limit_is_for_the_machine_that_it_names(
    named: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"processor": "Abacus, 3rd", "cores": 2, "gpus": ["A100"]}
    monkeypatch.setattr(machine, "fingerprint", lambda: facts)
    assert is_named(named, threads=1) is expected
