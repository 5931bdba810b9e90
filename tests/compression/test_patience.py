"""Early stopping that depends on the log alone, so that it survives a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mctl.compression.checkpoints import best_if_stopped, epochs_without_progress


def log(*scores: float) -> list[dict[str, float]]:
    return [entry for score in scores for entry in ({"loss": 1.0}, {"eval_accuracy": score})]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [((), 0), ((0.5,), 0), ((0.5, 0.6), 0), ((0.6, 0.5), 1), ((0.6, 0.6, 0.6), 2), ((0.1, 0.9, 0.2, 0.3), 2)],
)
def test_epochs_since_the_best_are_counted(scores: tuple[float, ...], expected: int) -> None:
    assert epochs_without_progress(log(*scores)) == expected


@pytest.mark.parametrize(("scores", "stopped"), [((0.5, 0.9, 0.8), False), ((0.5, 0.9, 0.8, 0.7), True)])
def test_a_run_killed_after_its_patience_ran_out_is_over(
    tmp_path: Path, scores: tuple[float, ...], stopped: bool
) -> None:
    last = tmp_path / "checkpoint-40"
    last.mkdir()
    (last / "trainer_state.json").write_text(json.dumps({"log_history": log(*scores), "best_global_step": 20}))
    assert best_if_stopped(last, tmp_path, 2) == (tmp_path / "checkpoint-20" if stopped else None)
