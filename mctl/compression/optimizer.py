"""AdamW as every phase uses it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def adamw(
    model: nn.Module,
    scores: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    score_learning_rate: float,
    weight_decay: float,
) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices alone, and a learning rate of their own for scores.

    Args:
        model: its parameters that learn, scores among them, are trained.
        scores: of masks on it; without weight decay, which would move all of them towards one another.
    """
    learnt = [parameter for parameter in scores if parameter.requires_grad]
    of_masks = {id(parameter) for parameter in learnt}
    trained = [p for p in model.parameters() if p.requires_grad and id(p) not in of_masks]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay, "lr": learning_rate},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0, "lr": learning_rate},
        {"params": learnt, "weight_decay": 0.0, "lr": score_learning_rate},
    ]
    # One pass over the parameters instead of one for each operation of the update.
    fused = all(p.device.type in {"cpu", "cuda"} for p in trained)
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=fused)
