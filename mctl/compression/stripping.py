"""The end of pruning: masks become zeros, zeros become smaller matrices, and the logits are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masks import Masks
from mctl.compression.movement import bake_masks
from mctl.compression.strip import Kept, live_units, strip

# fp32 sums in another order differ in their last digits; a unit cut by mistake shows in the first.
_TOLERANCE = 1e-3
_CHECKED_TEXTS = 32


@dataclass(frozen=True)
class Stripped:
    """A stripped model and what the strip did.

    Attributes:
        model: the compact classifier.
        kept: indices of the units that stayed.
        masked_percent: share of the encoder weights whose mask was zero.
        removed_percent: share that is physically gone. Equal to the masked share for units; for blocks usually far
            below it, since a block goes only with a whole head or row.
        max_abs_logit_diff: masked against stripped, on real texts.
    """

    model: Any
    kept: Kept
    masked_percent: float
    removed_percent: float
    max_abs_logit_diff: float

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "masked_percent": self.masked_percent,
            "removed_percent": self.removed_percent,
            "strip_max_abs_logit_diff": self.max_abs_logit_diff,
            "kept_heads": [list(heads) for heads in self.kept.heads],
            "kept_rows": [list(rows) for rows in self.kept.rows],
        }


def strip_masked(model: Any, masks: Masks, rows: Any, tokenizer: Any) -> Stripped:
    """Strip a classifier under masks; `model` loses its masks and becomes dense with zeros.

    Args:
        rows: tokenised texts to compare the logits on, as `texts.tokenized` gives them.

    Raises:
        RuntimeError: the stripped model computes something else: a bug, never the user's mistake.
    """
    model = model.cpu().eval()
    before = layout_of(model)
    masks.to("cpu")  # Beside the model, wherever it was trained.
    masked = 100 * masks.masked_share()
    batch = _batch(rows, tokenizer)
    with torch.no_grad():
        expected = model(**batch).logits
    bake_masks(model, family_of(model.config))
    kept = live_units(model)
    stripped = strip(model, kept)
    with torch.no_grad():
        difference = float((stripped(**batch).logits - expected).abs().max())
    if not difference < _TOLERANCE:
        raise RuntimeError(f"the stripped model's logits differ by {difference:.2e} from the masked model's")
    return Stripped(stripped, kept, masked, layout_of(stripped).removed_percent(before), difference)


def _batch(rows: Any, tokenizer: Any) -> dict[str, torch.Tensor]:
    chosen = rows.select(range(min(_CHECKED_TEXTS, len(rows)))).remove_columns("labels")
    return dict(tokenizer.pad([dict(row) for row in chosen], return_tensors="pt"))
