"""Where scores start: how much the loss depends on each unit before anything is pruned.

A short ramp is a few hundred steps: scores that start equal spend them finding out what the trained teacher knows
already. The diagonal Fisher information of the masks, E[(dL/dm)^2], says how much the loss would rise without a unit
(Kwon et al. 2022, arXiv 2204.09656, equations 3 and 8; LeCun et al. 1990 for weights). Movement then goes on from that
order.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional as F

from mctl.compression.masks import Masks


def start_from_fisher(
    model: nn.Module, masks: Masks, batches: Iterable[dict[str, torch.Tensor]], spread: float = 1.0
) -> None:
    """Set the scores to the rank of each unit's Fisher information per weight, in place.

    Per weight, because a head costs as much of the budget as dozens of FFN rows. Ranks, because the information spans
    orders of magnitude while the optimizer moves every score by about its learning rate a step: with ranks from 0 to
    `spread`, a few dozen steps that agree carry a unit past its neighbours, and noise does not.

    Args:
        model: a classifier under `masks` that masks nothing yet, in eval mode: dropout would add its noise.
        batches: tokenised training texts with "labels"; small batches, since the square of a mean is what is averaged.
        spread: score of the last unit to go; the first one has 0.
    """
    scores = [group.scores for group in masks.groups]
    information = [torch.zeros_like(score) for score in scores]
    for batch in batches:
        labels = batch["labels"]
        logits = model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
        gradients = torch.autograd.grad(F.cross_entropy(logits.float(), labels), scores)
        for total, gradient in zip(information, gradients, strict=True):
            total.add_(gradient.square())
    density = torch.cat(
        [(total / group.weights_per_unit).flatten() for total, group in zip(information, masks.groups, strict=True)]
    )
    ranks = torch.empty_like(density)
    ranks[density.argsort()] = torch.linspace(0, spread, len(density), device=density.device)
    for group, part in zip(masks.groups, torch.split(ranks, [score.numel() for score in scores]), strict=True):
        # On top of what is there: the random tie-break of scores that are otherwise equal.
        group.scores.data += part.view_as(group.scores)
