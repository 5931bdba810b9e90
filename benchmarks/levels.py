"""Is `--prune P` P percent of the encoder's weights, gone after the strip?

    python benchmarks/levels.py ENCODER

For each level: masks with random scores on the whole encoder, the global threshold, the strip, and a count of what is
left in the tensors. Scores are random because the level must hold whatever was learnt. Bound: within 0.5 points.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks, bake_masks
from mctl.compression.strip import live_units, strip

LEVELS = (10, 25, 50, 75, 90)
BOUND = 0.5


def pruned(encoder: Path, level: float, seed: int) -> tuple[float, float, int, int]:
    """Removed percent, largest logit difference masked against stripped, fewest heads and fewest rows of a layer."""
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=12).eval()
    family, before = family_of(model.config), layout_of(model)
    masks = attach_masks(model, family, before.head_size)
    generator = torch.Generator().manual_seed(seed)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    masks.set(Budget.of(masks.groups).kept(masks.groups, level / 100))
    ids = torch.randint(0, model.config.vocab_size, (4, 24), generator=generator)
    with torch.no_grad():
        expected = model(ids).logits
        bake_masks(model, family)
        stripped = strip(model, live_units(model))
        difference = float((stripped(ids).logits - expected).abs().max())
    after = layout_of(stripped)
    return after.removed_percent(before), difference, min(after.heads), min(after.ffn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print("| asked, % | seed | removed, % | off by, points | masked - stripped logits | fewest heads | fewest rows |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for level in LEVELS:
        for seed in range(arguments.seeds):
            removed, difference, heads, rows = pruned(arguments.encoder, level, seed)
            worst = max(worst, abs(removed - level))
            print(
                f"| {level} | {seed} | {removed:.4f} | {removed - level:+.4f} | {difference:.1e} | {heads} | {rows} |"
            )
    print(f"\nworst {worst:.4f} points; bound {BOUND}: {'met' if worst <= BOUND else 'missed'}")


if __name__ == "__main__":
    main()
