"""How often the gate's accuracy checks pass, fail, or cannot tell, if the true loss is known: a simulation.

    python benchmarks/power.py [--runs 400] [--texts 2500]

A baseline that has 85 % right of texts of four classes, and a candidate whose true loss of accuracy is named; they
answer differently on a named share of the texts, as models that were compressed do. Every run draws new texts and asks
the real checks, with their defaults: accuracy, macro F1 and every class. A true loss of over 1 point must not pass.
"""

from __future__ import annotations

import argparse

import numpy as np

from mctl.validators.accuracy import compare_predictions
from mctl.validators.gate.accuracy import accuracy_checks, slice_checks
from mctl.validators.gate.check import Decision, decide
from mctl.validators.gate.thresholds import Thresholds
from mctl.validators.slices import class_slices_of_predictions
from mctl.validators.types import IntArray

_NAMES = ("entertainment", "sports", "state", "world")
_RIGHT = 0.85
_LOSSES = (0.0, 0.01, 0.02, 0.03)
_CHANGED = (0.03, 0.06, 0.12)


def draw(random: np.random.Generator, texts: int, loss: float, changed: float) -> tuple[IntArray, IntArray, IntArray]:
    """Labels and both models' answers, (texts,) each.

    Of the texts, (changed + loss) / 2 turn wrong and (changed - loss) / 2 turn right; nothing else changes.
    """
    to_wrong, to_right = (changed + loss) / 2, (changed - loss) / 2
    labels = random.integers(0, len(_NAMES), texts)
    kind = random.choice(4, texts, p=[_RIGHT - to_wrong, to_wrong, to_right, 1 - _RIGHT - to_right])
    wrong = (labels + random.integers(1, len(_NAMES), texts)) % len(_NAMES)
    return labels, np.where(kind <= 1, labels, wrong), np.where(kind % 2 == 0, labels, wrong)


def verdict(labels: IntArray, baseline: IntArray, candidate: IntArray) -> Decision:
    """What the accuracy checks say of these answers."""
    thresholds = Thresholds()
    classes = class_slices_of_predictions(labels, baseline, candidate, _NAMES)
    overall = compare_predictions(labels, baseline, candidate)
    return decide([*accuracy_checks(overall, thresholds), *slice_checks(classes, thresholds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400, help="of each row")
    parser.add_argument("--texts", type=int, default=2500, help="of a test set")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    print(f"{arguments.texts:,} test texts, {arguments.runs} simulated runs of each row")
    print()
    print("| true loss | texts answered differently | pass | inconclusive | fail |")
    print("|---|---|---|---|---|")
    for loss in _LOSSES:
        for changed in _CHANGED:
            said = [verdict(*draw(random, arguments.texts, loss, changed)) for _ in range(arguments.runs)]
            shares = (f"{100 * said.count(word) / len(said):.1f} %" for word in ("pass", "inconclusive", "fail"))
            print(f"| {100 * loss:.0f} points | {100 * changed:.0f} % | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
