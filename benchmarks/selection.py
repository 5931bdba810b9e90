"""Which units can a teacher spare? Its own labels without them, before anything is trained.

    python benchmarks/selection.py TEACHER DATA --seed 1 [--levels 25 50 75 90] [--students FOLDER ...]

At every level, units are masked in the teacher as each method chooses them: by the Fisher information that scores of
movement start from, by magnitude, and at random (the mean of five draws). --students adds, at their own level, the
units that trained students have kept, in the teacher's weights: whether the ramp kept to what the teacher can spare.
The table has how many of the unseen texts have the same label as with all units, and how far probabilities are from
the teacher's: the KL divergence in nats.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.artifact import load_artifact
from mctl.compression.counted import RoundedBudget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masks import Masks
from mctl.compression.methods import rescoring
from mctl.compression.movement import attach_masks
from mctl.compression.registration import register
from mctl.compression.sensitivity import start_from_fisher
from mctl.data import DataSettings
from mctl.exporters.torch_runner import TorchClassifier
from mctl.pipeline.dataset import LabelledTexts, load_stage_data
from mctl.pipeline.loading import class_order
from mctl.pipeline.scoring import input_names, logits_of
from mctl.progress import Silent

METHODS = ("Fisher information", "magnitude", "random")
TILE, DRAWS = 32, 5
FISHER_TEXTS, FISHER_BATCH = 320, 8
# Heads, rows, percent of equal labels, divergence.
Result = tuple[float, float, float, float]


class Bench:
    """A teacher under masks, and texts that it has not seen."""

    def __init__(self, teacher: Path, test: LabelledTexts, max_length: int) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(teacher)
        self.model = AutoModelForSequenceClassification.from_pretrained(teacher).eval()
        self.family = family_of(self.model.config)
        self.names = input_names(self.tokenizer, self.model)
        self.test, self.max_length = test, max_length
        self.expected = self._logits()
        self.masks: Masks = attach_masks(self.model, self.family, layout_of(self.model).head_size)
        self.units = sum(group.scores.numel() for group in self.masks.groups)
        self.masks.set(torch.ones(self.units))

    def _logits(self) -> torch.Tensor:
        runner = TorchClassifier(self.model, self.names)
        return torch.from_numpy(
            logits_of(runner, self.tokenizer, self.test.texts, self.names, self.max_length, 64)
        ).float()

    def fisher(self, train: LabelledTexts, seed: int) -> None:
        """Scores as movement starts from them, of training texts that `seed` chooses."""
        chosen = np.random.default_rng(seed).permutation(len(train.texts))[:FISHER_TEXTS]

        def batches() -> Iterator[dict[str, torch.Tensor]]:
            for places in np.array_split(chosen, -(-len(chosen) // FISHER_BATCH)):
                texts = [train.texts[place] for place in places]
                batch = self.tokenizer(
                    texts, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
                )
                taken: dict[str, torch.Tensor] = {name: batch[name] for name in self.names}
                yield taken | {"labels": torch.tensor([train.labels[place] for place in places])}

        for group in self.masks.groups:
            group.scores.data.zero_()
        self.masks.set(torch.ones(self.units))
        start_from_fisher(self.model, self.masks, batches())

    def score(self, method: str, train: LabelledTexts, seed: int) -> None:
        """Make the scores of a method."""
        torch.manual_seed(seed)
        if method == METHODS[0]:
            self.fisher(train, seed)
        elif (rescore := rescoring(method, self.model, self.family, self.masks)) is not None:
            rescore()
        for group in self.masks.groups:
            group.scores.requires_grad_(True)

    def at(self, level: float) -> torch.Tensor:
        """The units that stay by the scores of the moment."""
        groups = self.masks.groups
        return RoundedBudget.of(groups, TILE, level).kept(groups, level)

    def of(self, student: Path) -> torch.Tensor:
        """The units that a trained student has kept."""
        facts = load_artifact(student).manifest.facts["pruning"]
        kept = []
        for group in self.masks.groups:
            place, _, index = group.name.partition(".")
            stays = torch.zeros(group.scores.numel())
            stays[facts["kept_heads" if place == "attention" else "kept_rows"][int(index)]] = 1.0
            kept.append(stays)
        return torch.cat(kept)

    def measured(self, kept: torch.Tensor) -> Result:
        """Heads and rows that stay, percent of the texts with the same label, and the divergence in nats."""
        self.masks.set(kept)
        found = self._logits()
        same = 100 * float((found.argmax(1) == self.expected.argmax(1)).float().mean())
        ours, theirs = found.log_softmax(1), self.expected.log_softmax(1)
        apart = float(F.kl_div(ours, theirs, reduction="batchmean", log_target=True))
        heads = sum(int(self.masks.kept(group.name).sum()) for group in self.masks.groups if group.kind == "head")
        return heads, int(kept.sum()) - heads, same, apart


def row(level: str, name: str, results: list[Result]) -> str:
    heads, rows, same, apart = np.mean(results, axis=0)
    return f"| {level} | {name} | {heads:.0f} | {rows:.0f} | {same:.1f} | {apart:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=1, help="of the split that the teacher was made with")
    parser.add_argument("--levels", type=int, nargs="*", default=[25, 50, 75, 90])
    parser.add_argument("--students", type=Path, nargs="*", default=[])
    parser.add_argument("--max-length", type=int, default=64)
    arguments = parser.parse_args()
    register()
    config: Any = AutoModelForSequenceClassification.from_pretrained(arguments.teacher).config
    settings = DataSettings(source=str(arguments.data), seed=arguments.seed)
    splits = load_stage_data(settings, Silent(), class_order(config)).splits
    bench = Bench(arguments.teacher, splits["test"], arguments.max_length)
    print(f"{arguments.teacher}, {len(splits['test'].texts)} unseen texts\n")
    print("| level, % | units chosen by | heads | FFN rows | same label, % | divergence |")
    print("|---|---|---|---|---|---|")
    results: dict[tuple[int, str], list[Result]] = defaultdict(list)
    for method in METHODS:
        for draw in range(DRAWS if method == "random" else 1):
            bench.score(method, splits["train"], arguments.seed + draw)
            for level in arguments.levels:
                results[level, method].append(bench.measured(bench.at(level / 100)))
    for level in arguments.levels:
        for method in METHODS:
            print(row(str(level), method, results[level, method]), flush=True)
    for student in arguments.students:
        removed = load_artifact(student).manifest.facts["pruning"]["removed_percent"]
        print(row(f"{removed:.0f}", f"training: {student}", [bench.measured(bench.of(student))]), flush=True)


if __name__ == "__main__":
    main()
