"""From figures to a verdict: thresholds, one check a figure, and the decision that a CI acts on.

Pure functions over the results of the other validators; nothing is measured here.

    thresholds  what is asked
    check       one figure against it, and the decision over all
    integrity, parity, accuracy, latency, emissions
                the checks of each group, in the order in which they are made
    moves       what got better or worse than it, where nothing is asked
    release     the same against the export that was released last
"""

from .accuracy import (
    accuracy_checks,
    against_majority_in_words,
    on_unknown_training,
    on_weak_baseline,
    slice_checks,
    without_a_hit,
)
from .check import Check, Decision, Verdict, decide
from .emissions import break_even_check, emissions_checks
from .integrity import data_check, fusion_check, integrity_checks, lineage_checks, runs_check, share_check
from .latency import latency_checks, speedup_check
from .moves import move_check, own_verdict_check, words_check, worse_check
from .parity import parity_checks
from .release import growth_check, release_accuracy_checks, rows_check, slowdown_check
from .thresholds import Thresholds

__all__ = [
    "Check",
    "Decision",
    "Thresholds",
    "Verdict",
    "accuracy_checks",
    "against_majority_in_words",
    "break_even_check",
    "data_check",
    "decide",
    "emissions_checks",
    "fusion_check",
    "growth_check",
    "integrity_checks",
    "latency_checks",
    "lineage_checks",
    "move_check",
    "on_unknown_training",
    "on_weak_baseline",
    "own_verdict_check",
    "parity_checks",
    "release_accuracy_checks",
    "rows_check",
    "runs_check",
    "share_check",
    "slice_checks",
    "slowdown_check",
    "speedup_check",
    "without_a_hit",
    "words_check",
    "worse_check",
]
