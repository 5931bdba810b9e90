"""Builders of small classifiers and batches."""

from __future__ import annotations

from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification

VOCABULARY = 100


def small_bert(*, layers: int = 2, heads: int = 4, head_size: int = 8, rows: int = 48, seed: int = 0) -> Any:
    """A BERT classifier with random weights, in eval mode, with biases that are not zero."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=heads * head_size,
        num_attention_heads=heads,
        num_hidden_layers=layers,
        intermediate_size=rows,
        max_position_embeddings=64,
        num_labels=3,
        initializer_range=0.2,
    )
    model = BertForSequenceClassification(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def batch(texts: int = 3, length: int = 11, seed: int = 1) -> dict[str, torch.Tensor]:
    """Token ids with padding at the end of every text but the first."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, VOCABULARY, (texts, length), generator=generator)
    mask = torch.ones_like(ids)
    for index in range(1, texts):
        mask[index, length - index * (length // texts) :] = 0
    return {"input_ids": ids, "attention_mask": mask}


@torch.no_grad()
def logits(model: Any, inputs: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """(texts, classes)"""
    result: torch.Tensor = model(**(inputs or batch())).logits
    return result
