"""Attention as one node of the graph: MultiHeadAttention of onnxruntime in place of PyTorch's own function.

Transformers hands every attention block to `torch.nn.functional.scaled_dot_product_attention`, whatever its number of
heads. While a model is traced that function is replaced by one that writes the contributed operator instead, so that
there is nothing to find afterwards: no pattern that a change of the exporter, a pruned head or another model family
could break. The idea of exporting a custom operator by its schema is that of `torch.onnx.ops.symbolic`.

Padding is handed over as an additive bias (batch, 1, length, length), 0 for a token and float32's lowest value for
padding, made once for all layers. Of the forms of mask that the operator takes, onnxruntime's CUDA kernels for
memory-efficient attention accept this one whatever side the padding is on; a key mask (batch, length) sends them to
the unfused kernel (onnxruntime, contrib_ops/cuda/bert/multihead_attention.cc).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from .errors import ExportError
from .tracing import ExportView, example_logits

OPERATOR = "MultiHeadAttention"
DOMAIN = "com.microsoft"


class PaddingBiasView(ExportView):
    """An `ExportView` that keeps the padding of the batch it is called on, for attention to add."""

    bias: torch.Tensor | None = None

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        self.bias = padding_bias(dict(zip(self.names, tensors, strict=True)).get("attention_mask"))
        return super().forward(*tensors)


def padding_bias(mask: torch.Tensor | None) -> torch.Tensor | None:
    """What to add to attention scores: (batch, 1, length, length) float32, from a mask (batch, length) of 0 and 1."""
    if mask is None:
        return None
    batch, length = mask.shape
    lowest = torch.finfo(torch.float32).min
    bias = (1.0 - mask[:, None, None, :].to(torch.float32)) * lowest
    return bias.expand(batch, 1, length, length)


@contextmanager
def one_node_attention(view: PaddingBiasView, example: Mapping[str, torch.Tensor]) -> Iterator[int]:
    """While this lasts, a trace of `view` has one attention node a block; yields their number.

    That blocks compute softmax(scale * Q K^T + padding bias) V, and nothing else (causal, grouped, relative positions),
    is tried out on the example before.

    Args:
        view: over a model whose attention is already "sdpa".
        example: a batch with padding.

    Raises:
        ExportError: no block uses the function, or one does with more than padding.
    """
    original = functional.scaled_dot_product_attention
    expected = example_logits(view, example)
    blocks = 0

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **others: Any) -> torch.Tensor:
        nonlocal blocks
        if torch.compiler.is_exporting():
            return _node(query, key, value, view.bias, others.get("scale"))
        blocks += 1
        return original(query, key, value, attn_mask=view.bias, scale=others.get("scale"))

    functional.scaled_dot_product_attention = attend
    try:
        tried = example_logits(view, example)
        if not blocks:
            raise ExportError(
                "no block of the model calls scaled_dot_product_attention, so nothing can be fused: do not fuse it"
            )
        if not torch.allclose(tried, expected, atol=1e-4):
            raise ExportError(
                "the model's attention is not plain attention over all tokens but padding: do not fuse it"
            )
        yield blocks
    finally:
        functional.scaled_dot_product_attention = original


def _node(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, scale: float | None
) -> torch.Tensor:
    """One attention node; arguments and result are (batch, heads, length, head size)."""
    batch, heads, length, head_size = query.shape
    rows = [tensor.transpose(1, 2).flatten(2) for tensor in (query, key, value)]
    attributes: dict[str, Any] = {"num_heads": int(heads)} | ({} if scale is None else {"scale": float(scale)})
    result: torch.Tensor = torch.onnx.ops.symbolic(
        f"{DOMAIN}::{OPERATOR}",
        [*rows, None, None, bias],
        attrs=attributes,
        dtype=query.dtype,
        shape=(batch, length, heads * head_size),
        version=1,
    )
    return result.reshape(batch, length, heads, head_size).transpose(1, 2)
