"""A release's verdict file is what anybody may have written: it is compared with, or refused, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fuzz import with_another_value
from hypothesis import HealthCheck, example, given, settings
from results import result_with

from mctl.artifact import MANIFEST, sha256_of
from mctl.errors import UserError
from mctl.pipeline.against import against, read_release
from mctl.pipeline.machine import fingerprint
from mctl.pipeline.speed import Speed
from mctl.report.schema import ValidationResult
from mctl.validators.gate import Check, Thresholds
from mctl.validators.latency import LatencyResult
from mctl.validators.statistics import Ratio

TEXTS = 480
CONDITIONS = {"batch_size": 8, "batches": 12, "provider": "cpu", "threads": 1, "clock": "processor"}
BLOCKS = [2.0, 2.02, 1.98, 2.01, 1.99, 2.0, 2.01, 2.0]
SPEEDUP = {"value": 2.0, "low": 1.9, "high": 2.1}
LATENCY = LatencyResult(1.0, 2.0, 3.0, 4.0, 5.0, 2, 16, (1.0, 2.0))


def content(baseline: str = "0" * 64) -> dict[str, Any]:
    """Of a verdict on an export that was measured."""
    made: dict[str, Any] = json.loads(result_with("one").model_dump_json())
    for role in ("export", "source", "baseline"):
        made["participants"][role] |= {"predicted": [0, 1] * (TEXTS // 2), "manifest_sha256": baseline}
        made["participants"][role]["emissions"] |= {"kwh_low": 0.9e-5, "kwh_high": 1.1e-5}
    times = {"export": [1.0] * 96, "source": [1.5] * 96, "baseline": [2.0] * 96}
    made["comparison"] |= {"measured_with": dict(CONDITIONS), "block_speedups": list(BLOCKS), "latency_ms": times}
    made["comparison"]["slices"].append(made["comparison"]["slices"][0] | {"kind": "length", "name": "up to 8 tokens"})
    return made | {"machine": fingerprint(), "verdict": "pass", "checks": made["checks"][:1], "data": {"sha256": "1"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / MANIFEST).write_text("{}", encoding="utf-8")
    return tmp_path


def compared(folder: Path, release: Any, now: dict[str, Any] | None = None, **speed: Any) -> dict[str, Check]:
    path = folder / "release.json"
    path.write_text(json.dumps(release), encoding="utf-8")
    result = ValidationResult.model_validate(now or content())
    logits = np.eye(2, dtype=np.float32)[np.array(result.participants["export"].predicted)]
    labels = np.array([0, 1] * (TEXTS // 2))
    both = dict.fromkeys(("baseline", "export"), LATENCY)
    timed = {"blocks": tuple(BLOCKS), "measured_with": CONDITIONS, "speedup": Ratio(2.0, 1.9, 2.1)} | speed
    measured: Any = SimpleNamespace(
        texts=["one"] * TEXTS, labels=labels, logits={"export": logits}, class_names=result.classes,
        speed=Speed(latency=both, **timed),
    )  # fmt: skip
    lineage: Any = SimpleNamespace(baseline=SimpleNamespace(manifest_sha256=baseline(folder)))
    checks = against(read_release(path), result, lineage, measured, Thresholds())
    return {check.name: check for check in checks}


def baseline(folder: Path) -> str:
    return sha256_of(folder / MANIFEST)


def test_a_release_is_no_worse_than_itself(folder: Path) -> None:
    found = compared(folder, content(baseline(folder)))
    assert {check.verdict for check in found.values()} == {"pass", "info"}
    assert found["slowdown"].verdict == "pass"
    assert found["worse"].why == "nothing is known to be worse than the release"
    told = {"p50", "p95", "throughput", "energy", "emissions", "parameters", "label_agreement", "precision"}
    assert told <= set(found)
    assert found["accuracy of up to 8 tokens"].why.endswith("the same")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 4}, "batch size 4 instead of 8"),
        ({"batches": 6}, "timed batches 6 instead of 12"),
        ({"provider": "cuda"}, "provider cuda instead of cpu"),
        ({"threads": 2}, "threads 2 instead of 1"),
        ({"clock": "wall"}, "the clock wall instead of processor"),
    ],
)
def test_a_release_that_was_measured_otherwise_says_nothing_of_speed(
    folder: Path, change: dict[str, Any], said: str
) -> None:
    release = content(baseline(folder))
    release["comparison"]["measured_with"] |= change
    found = compared(folder, release)
    assert found["slowdown"].verdict == "inconclusive"
    assert said in found["slowdown"].why
    assert "p95" not in found


def test_another_baseline_and_another_machine_say_nothing_of_speed(folder: Path) -> None:
    found = compared(folder, content("f" * 64) | {"machine": {"processor": "abacus"}})
    assert found["slowdown"].verdict == "inconclusive"
    assert "another baseline, another machine" in found["slowdown"].why
    assert not {"p95", "energy"} & set(found)


@pytest.mark.parametrize(("times", "verdict"), [(1.0, "pass"), (1.2, "fail"), (1.1, "inconclusive")])
def test_a_release_that_was_timed_beside_the_export_needs_nothing_to_be_alike(
    folder: Path, times: float, verdict: str
) -> None:
    slowdown = Ratio(times, times * 0.97, times * 1.03)
    found = compared(folder, content("f" * 64) | {"machine": {"processor": "abacus"}}, slowdown=slowdown)
    assert found["slowdown"].verdict == verdict
    assert "timed side by side" in found["slowdown"].why


def test_openings_decide_how_sure_a_slowdown_is(folder: Path) -> None:
    release = content(baseline(folder))
    assert compared(folder, release, blocks=tuple(one / 1.3 for one in BLOCKS))["slowdown"].verdict == "fail"
    spread = tuple(one / 1.3 * factor for one, factor in zip(BLOCKS, (0.7, 1.4) * 4, strict=True))
    assert compared(folder, release, blocks=spread)["slowdown"].verdict == "inconclusive"
    release["comparison"] |= {
        "block_speedups": [],
        "speedup": {"value": 2.0, "low": 1.9, "high": 2.1, "confidence": 0.95},
    }
    assert compared(folder, release)["slowdown"].verdict == "pass", "of a file that knew no openings"


def test_a_wall_that_was_waited_at_decides_nothing(folder: Path) -> None:
    release, wall = content(baseline(folder)), CONDITIONS | {"clock": "wall"}
    release["comparison"]["measured_with"] = wall
    assert compared(folder, release, measured_with=wall)["slowdown"].verdict == "pass"
    release["participants"]["export"]["latency"]["waited_share"] = 0.4
    assert compared(folder, release, measured_with=wall)["slowdown"].verdict == "inconclusive"


def test_what_got_worse_without_a_limit_is_said(folder: Path) -> None:
    now = content()
    now["participants"]["export"] |= {"parameters": {"total": 9}, "precision": "fp32"}
    now["participants"]["export"]["emissions"] = {
        "kwh_per_1000_texts": 2e-5, "kwh_low": 1.9e-5, "kwh_high": 2.1e-5, "gco2e_per_1000_texts": 2e-3
    }  # fmt: skip
    now["comparison"]["parity"]["label_agreement"] = 0.0
    now["comparison"]["slices"][1] |= {"texts": 400, "after": 0.1}
    release = content(baseline(folder)) | {"verdict": "inconclusive"}
    release["comparison"]["parity"] |= {"texts": 400, "label_agreement": 1.0}
    release["comparison"]["slices"][1] |= {"texts": 400, "after": 0.9}
    found = compared(folder, release, now)
    assert found["worse"].figure == 5
    for words in ("number of parameters", "energy of", "emissions of", "label agreement", "texts of up to 8 tokens"):
        assert words in found["worse"].why
    assert "fp32, fp16 of the release" in found["precision"].why
    assert "verdict was inconclusive" in found["own_verdict"].why


def with_export(**change: Any) -> dict[str, Any]:
    participants = content()["participants"]
    return {"participants": participants | {"export": participants["export"] | change}}


@pytest.mark.parametrize(
    "change",
    [
        {"participants": {}},
        {"participants": {"export": content()["participants"]["export"]}},
        with_export(file_bytes=0),
        with_export(file_bytes=-1),
        with_export(predicted=[9**30]),
        with_export(predicted=[2] * TEXTS),
        {"comparison": None},
        {"comparison": content()["comparison"] | {"block_speedups": [0.0]}},
        {"comparison": content()["comparison"] | {"speedup": {"value": 0, "low": 0, "high": 0, "confidence": 1}}},
    ],
)
def test_a_release_that_cannot_be_compared_with_is_refused(folder: Path, change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        compared(folder, content() | change)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(release=with_another_value(content()))
@example(release=content() | {"participants": {}})
def test_a_release_with_one_value_changed_is_compared_with_or_refused(folder: Path, release: Any) -> None:
    with suppress(UserError):
        compared(folder, release)
