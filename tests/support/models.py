"""Builders of small classifiers and batches."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

VOCABULARY = 100
# Stock classes by family. mctl's own table is not asked: a family that it described wrongly would be tested as wrong.
STOCK: dict[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertForSequenceClassification),
    "distilbert": (DistilBertConfig, DistilBertForSequenceClassification),
    "electra": (ElectraConfig, ElectraForSequenceClassification),
    "roberta": (RobertaConfig, RobertaForSequenceClassification),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaForSequenceClassification),
}
FAMILIES = tuple(STOCK)
_PADDING = {"roberta": 1, "xlm-roberta": 1}


def small_config(
    family: str, *, layers: int = 2, heads: int = 4, head_size: int = 8, rows: int = 48, **options: Any
) -> Any:
    """A configuration of a small classifier, in the family's own names; `options` come last."""
    names = {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
    names |= {"intermediate_size": "hidden_dim"}
    sizes = {
        "hidden_size": heads * head_size,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "intermediate_size": rows,
    }
    if family == "distilbert":
        sizes = {names[name]: size for name, size in sizes.items()}
    if family == "electra":
        sizes["embedding_size"] = 12
    padding = _PADDING.get(family, 0)
    common = {"vocab_size": VOCABULARY, "max_position_embeddings": 64, "num_labels": 3, "initializer_range": 0.2}
    return STOCK[family][0](**{**sizes, **common, "pad_token_id": padding, **options})


def small_model(family: str, *, seed: int = 0, **options: Any) -> Any:
    """A classifier with random weights, in eval mode, with biases that are not zero.

    Args:
        family: a key of `STOCK`.
        options: as for `small_config`.
    """
    torch.manual_seed(seed)
    model = STOCK[family][1](small_config(family, **options)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def small_bert(*, layers: int = 2, heads: int = 4, head_size: int = 8, rows: int = 48, seed: int = 0) -> Any:
    """A BERT classifier with random weights, in eval mode, with biases that are not zero."""
    return small_model("bert", layers=layers, heads=heads, head_size=head_size, rows=rows, seed=seed)


def batch(texts: int = 3, length: int = 11, seed: int = 1, padding: int = 0) -> dict[str, torch.Tensor]:
    """Token ids with padding at the end of every text but the first.

    Args:
        padding: the id that stands there; no other token has it.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, VOCABULARY, (texts, length), generator=generator)
    mask = torch.ones_like(ids)
    for index in range(1, texts):
        mask[index, length - index * (length // texts) :] = 0
    return {"input_ids": ids.where(mask == 1, padding), "attention_mask": mask}


@torch.no_grad()
def logits(model: Any, inputs: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """(texts, classes), of a batch that is padded as the model wants it, if of no other."""
    result: torch.Tensor = model(**(inputs or batch(padding=model.config.pad_token_id))).logits
    return result


def reloaded(folder: Path) -> Any:
    """The classifier of a folder, in eval mode, in memory of its own.

    Weights that are mapped from a file begin anywhere, and a kernel for unaligned memory may sum in another order: the
    last digit of a logit could differ from that of the model which was saved.
    """
    return copy.deepcopy(AutoModelForSequenceClassification.from_pretrained(folder)).eval()


def kept_above(masks: Any, threshold: float) -> torch.Tensor:
    """(units,) what some masks keep when all units that score above a threshold stay."""
    scores = torch.cat([group.scores.detach().flatten() for group in masks.groups])
    return (scores > threshold).to(scores.dtype)
