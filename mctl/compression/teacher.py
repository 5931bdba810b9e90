"""The teacher of a distillation: what it says of a batch, and what a student loses by saying something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mctl.compression.distillation import distillation_loss, hidden_loss, relation_loss
from mctl.compression.families import family_of
from mctl.compression.features import Features, Watch, watching


@dataclass(frozen=True)
class Lesson:
    """What the teacher computed for a batch.

    Attributes:
        logits: (batch, classes)
        features: its hidden states and relations, as far as they are learnt from.
    """

    logits: torch.Tensor
    features: Features


@dataclass(frozen=True)
class Teacher:
    """A classifier that knows the student's classes.

    Attributes:
        model: in eval mode, without gradients.
        watch: the features that are learnt from.
        token_ids: (student's pieces,) the teacher's id of each piece of a trimmed vocabulary; None: the same ids.
        classes: the teacher's number of each class of the student; None: the same numbers.
    """

    model: nn.Module
    watch: Watch
    token_ids: torch.Tensor | None = None
    classes: tuple[int, ...] | None = None

    @torch.no_grad()
    def teach(self, inputs: dict[str, torch.Tensor]) -> Lesson:
        """Run the teacher on a batch of the student's token ids, (batch, tokens); what it does not take is left out."""
        device, family = next(self.model.parameters()).device, family_of(self.model.config)
        taken = family.inputs()
        moved = {name: tensor.to(device) for name, tensor in inputs.items() if name in taken}
        if self.token_ids is not None:
            moved["input_ids"] = self.token_ids.to(device)[moved["input_ids"]]
        with watching(self.model, family, self.watch) as features:
            logits = self.model(**moved).logits
        return Lesson(logits if self.classes is None else logits[:, list(self.classes)], features)


@dataclass(frozen=True)
class Distillation:
    """What a student learns from its teacher, and how much each part counts.

    Attributes:
        temperature: softens both distributions.
        weight: share of the teacher's term in the loss of the logits, 0..1.
        hidden_weight: factor of the hidden states' loss; 0: not learnt from.
        relations_weight: factor of the relations' loss; 0: not learnt from.
        layers: for each layer of the student, the layer of the teacher that it stands for.
        heads: the teacher's number of each head of the student's last layer.
        head_size: width of one head.
    """

    temperature: float
    weight: float
    hidden_weight: float
    relations_weight: float
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    head_size: int

    @property
    def watch_teacher(self) -> Watch:
        """The teacher's features that are learnt from."""
        return Watch(self.layers if self.hidden_weight else (), self.layers[-1] if self.relations_weight else None)

    @property
    def watch_student(self) -> Watch:
        """The student's features that are compared with them."""
        last = len(self.layers) - 1
        return Watch(tuple(range(last + 1)) if self.hidden_weight else (), last if self.relations_weight else None)

    def loss(
        self, logits: torch.Tensor, features: Features, lesson: Lesson, labels: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """What the student loses, 0-d.

        Args:
            logits: the student's, (batch, classes).
            features: the student's, of `watch_student`.
            lesson: the teacher's, of the same batch.
            labels: (batch,) class numbers.
            mask: (batch, tokens), 1 where there is a token.
        """
        loss = distillation_loss(logits, lesson.logits, labels, temperature=self.temperature, weight=self.weight)
        if self.hidden_weight:
            loss = loss + self.hidden_weight * hidden_loss(features.hidden, lesson.features.hidden, mask)
        if self.relations_weight:
            ours, theirs = features.relations, lesson.features.relations
            loss = loss + self.relations_weight * relation_loss(ours, theirs, mask, self.heads, self.head_size)
        return loss


def task_loss(logits: torch.Tensor, labels: torch.Tensor) -> Any:
    """Cross-entropy of the labels alone, 0-d."""
    return F.cross_entropy(logits.float(), labels)
