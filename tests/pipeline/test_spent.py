"""What making took, of lineages in which not every stage noted it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mctl.pipeline.spent import making_of, repaid, repaid_result
from mctl.validators.emissions import EmissionsResult

SPENT = {"kwh": 0.25, "gco2e": 100.0, "source": "measured", "country_name": "India", "hardware": "a CPU"}
INFERENCE = EmissionsResult(3e-5, 0.02, 5.0, 900, 9, 1e-6, 0.0, 1e-6, "estimated", 0.0, "CPU", "IND", "India", 713.4)


def artifact(name: str, kind: str, making: dict[str, Any] | None) -> Any:
    facts = {} if making is None else {"making": making}
    return SimpleNamespace(name=name, manifest=SimpleNamespace(kind=kind, facts=facts))


def lineage(*made: Any) -> Any:
    return SimpleNamespace(made_of_baseline=lambda: list(made))


TEACHER = artifact("teacher", "teacher", None)
SMALL = artifact("small", "compressed", SPENT | {"sources": {"cpu": "RAPL"}})
EXPORT = artifact("small-fp16", "export", SPENT | {"kwh": 0.5, "source": "estimated", "hardware": "another CPU"})


def test_stages_that_are_known_are_summed_and_the_others_named() -> None:
    making = making_of([TEACHER, SMALL, EXPORT])
    assert making is not None
    assert (making.kwh, making.gco2e, making.source) == (0.75, 200.0, "estimated")
    assert (making.country_name, making.hardware) == ("India", "a CPU; another CPU")
    assert making.unknown == ["teacher"]
    assert [(stage.artifact, stage.kwh) for stage in making.stages] == [
        ("teacher", None),
        ("small", 0.25),
        ("small-fp16", 0.5),
    ]
    assert making.stages[1].sources == {"cpu": "RAPL"}


def test_of_nothing_nothing_is_known() -> None:
    assert making_of([TEACHER]) is None
    assert repaid(lineage(TEACHER), {"baseline": INFERENCE, "export": INFERENCE}) is None
    assert repaid(lineage(SMALL, EXPORT), {}) is None


def test_break_even_is_null_where_it_never_comes_and_names_what_is_missing() -> None:
    saving = replace(INFERENCE, kwh_per_1000_texts=1e-5, kwh_high=3.5e-5)
    found = repaid_result(
        lineage(artifact("small", "compressed", None), EXPORT), {"baseline": INFERENCE, "export": saving}
    )
    assert found is not None
    assert found.texts == pytest.approx(1000 * 0.5 / 2e-5)
    assert found.low == pytest.approx(1000 * 0.5 / 4.5e-5)
    assert found.high is None
    assert (found.making_kwh, found.unknown) == (0.5, ["small"])
