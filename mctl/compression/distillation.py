"""Losses of learning from a teacher: its logits, its hidden states, its self-attention relations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def distillation_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    temperature: float,
    weight: float,
) -> torch.Tensor:
    """Temperature-scaled KL divergence from the teacher, plus the task's cross-entropy.

    `weight * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - weight) * CE(student, labels)`
    (Hinton et al. 2015, arXiv 1503.02531, section 2; T^2 keeps gradients comparable between temperatures).

    Args:
        student_logits: (batch, classes)
        teacher_logits: (batch, classes), without gradient.
        labels: (batch,) class numbers.
        temperature: T, above 0.
        weight: share of the teacher's term, 0..1.

    Returns:
        0-d loss, mean over the batch.
    """
    # In fp32 whatever the model computes in: exponentials of half-precision logits lose the small probabilities.
    student = F.log_softmax(student_logits.float() / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits.float() / temperature, dim=-1)
    divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2
    task = F.cross_entropy(student_logits.float(), labels)
    return weight * divergence + (1 - weight) * task


def hidden_loss(
    student: Sequence[torch.Tensor], teacher: Sequence[torch.Tensor], attention_mask: torch.Tensor
) -> torch.Tensor:
    """How far the student's hidden states are from the teacher's, layer by layer, as a share of their own size.

    `mean over layers of sum |h_s - h_t|^2 / sum |h_t|^2`, over the tokens that are no padding. No projection stands
    between the two (as in Jiao et al. 2020, arXiv 1909.10351, equation 8), since pruning never changes the hidden
    size; dividing by the teacher's own size makes layers, and models, comparable.

    Args:
        student, teacher: (batch, tokens, hidden), one a layer.
        attention_mask: (batch, tokens), 1 where there is a token.

    Returns:
        0-d loss: 0 when equal, 1 when the student is all zeros.
    """
    mask = attention_mask.unsqueeze(-1)
    terms = []
    for ours, theirs in zip(student, teacher, strict=True):
        target = theirs.float() * mask
        terms.append(F.mse_loss(ours.float() * mask, target, reduction="sum") / target.square().sum())
    return torch.stack(terms).mean()


def relation_loss(
    student: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor],
    attention_mask: torch.Tensor,
    heads: Sequence[int],
    head_size: int,
) -> torch.Tensor:
    """KL divergence between self-attention relations: how alike tokens are in their queries, keys and values.

    `softmax(X X^T / sqrt(d))` for X = Q, K, V of one layer, head by head, and the mean of the three divergences
    (Wang et al. 2021, arXiv 2012.15828, equations 3 to 5). There, vectors are cut anew into relation heads, since
    student and teacher have nothing else in common; here the student's heads are heads of the teacher, so each is
    compared with itself. A teacher that the student does not come from is cut anew, into heads of the student's size.

    Args:
        student: queries, keys and values, each (batch, tokens, student heads * head_size).
        teacher: the same, with all of the teacher's heads.
        attention_mask: (batch, tokens), 1 where there is a token.
        heads: the teacher's number of each of the student's heads.
        head_size: width of one head.

    Returns:
        0-d loss, mean over tokens, heads and the three relations.
    """
    chosen = torch.tensor(heads, device=attention_mask.device)
    tokens = attention_mask.sum()
    terms = []
    for ours, theirs in zip(student, teacher, strict=True):
        target = _relations(theirs, attention_mask, head_size, chosen)
        divergence = F.kl_div(
            _relations(ours, attention_mask, head_size), target, reduction="none", log_target=True
        ).sum(-1)
        terms.append((divergence * attention_mask[:, None, :]).sum() / (tokens * len(heads)))
    return torch.stack(terms).mean()


def _relations(
    vectors: torch.Tensor, attention_mask: torch.Tensor, head_size: int, chosen: torch.Tensor | None = None
) -> torch.Tensor:
    """Logarithms of the relations, (batch, heads, tokens, tokens)."""
    batch, tokens, _ = vectors.shape
    heads = vectors.float().view(batch, tokens, -1, head_size).transpose(1, 2)
    if chosen is not None:
        heads = heads.index_select(1, chosen)
    scores = heads @ heads.transpose(-1, -2) / head_size**0.5
    # A large negative number and not infinity: the divergence of two zeros is then zero, and not undefined.
    visible: torch.Tensor = scores.masked_fill(attention_mask[:, None, None, :] == 0, -1e4)
    return visible.log_softmax(-1)
