"""Learning from the teacher's logits."""

from __future__ import annotations

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
