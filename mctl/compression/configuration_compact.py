"""Configurations of compact classifiers: encoders whose layers differ in their number of heads and FFN rows.

This file and `modeling_compact.py` travel inside every compressed artifact, so they import nothing but transformers and
torch: with `trust_remote_code=True` an artifact loads where mctl is not installed.
"""

from __future__ import annotations

from typing import Any

from transformers import BertConfig


class CompactBertConfig(BertConfig):  # type: ignore[misc]
    """A BERT configuration with a layout.

    `compact_layout` holds `{"heads": [...], "ffn": [...]}`, one number a layer: how many attention heads and how many
    FFN rows it has left. `num_attention_heads` and `intermediate_size` stay those of the model before pruning, since
    the size of one head is `hidden_size / num_attention_heads`.
    """

    model_type = "mctl-bert"
    compact_layout: dict[str, Any] | None = None


CONFIGS = {"bert": CompactBertConfig}
