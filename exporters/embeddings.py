"""Sum of embeddings + LayerNormalization as one node, EmbedLayerNormalization of onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir

DOMAIN = "com.microsoft"
_WORDS = "input_ids"


@dataclass(frozen=True)
class _LookUp:
    """Rows of a table (rows, width) by ids (batch or 1, length)."""

    table: ir.Value
    ids: ir.Value

    @property
    def per_text(self) -> bool:
        """Whether every text has its own ids; positions are often the same for all."""
        return self.ids.shape is not None and self.ids.shape[0] != 1


def fuse_embeddings(model: ir.Model) -> int:
    """Replaces LayerNormalization(words + positions [+ token types]) wherever words are those of `input_ids`.

    The operator adds up three tables whatever they are named: what is not the words' takes the place of positions, and
    a third one, with ids for every text, that of the segments.

    Returns:
        how many were replaced.
    """
    graph = model.graph
    replaced = 0
    for norm in [node for node in graph if node.op_type == "LayerNormalization"]:
        looked_up = _look_ups(norm.inputs[0])
        ordered = _in_order(looked_up) if looked_up else None
        if ordered:
            _replace(graph, norm, *ordered)
            replaced += 1
    if replaced:
        model.opset_imports.setdefault(DOMAIN, 1)
    return replaced


def _look_ups(value: ir.Value | None) -> list[_LookUp] | None:
    """The terms of a sum, if each is a look-up in a table of weights."""
    found = []
    for term in _terms(value):
        gather = term.producer() if term is not None else None
        if gather is None or gather.op_type != "Gather" or gather.attributes.get_int("axis", 0) != 0:
            return None
        table, ids = gather.inputs
        if table is None or ids is None or table.const_value is None or ids.shape is None or len(ids.shape) != 2:
            return None
        found.append(_LookUp(table, ids))
    return found


def _terms(value: ir.Value | None) -> Iterator[ir.Value | None]:
    node = value.producer() if value is not None else None
    if node is not None and node.op_type == "Add":
        for part in node.inputs:
            yield from _terms(part)
    else:
        yield value


def _in_order(looked_up: Sequence[_LookUp]) -> tuple[_LookUp, _LookUp, _LookUp | None] | None:
    """Words, positions and segments; None if they are not these."""
    words = [item for item in looked_up if item.ids.name == _WORDS and item.ids.is_graph_input()]
    others = sorted((item for item in looked_up if item not in words), key=lambda item: item.per_text)
    if len(words) != 1 or len(others) not in (1, 2) or (len(others) == 2 and not others[1].per_text):
        return None
    return words[0], others[0], others[1] if len(others) == 2 else None


def _replace(graph: ir.Graph, norm: ir.Node, words: _LookUp, positions: _LookUp, segments: _LookUp | None) -> None:
    """Puts the one node where the LayerNormalization is; the look-ups fall away when nobody reads them."""
    items = (words, positions, *([segments] if segments else []))
    # The operator knows 32-bit ids only.
    casts = [ir.node("Cast", [item.ids], attributes={"to": ir.DataType.INT32}) for item in items]
    for cast, item in zip(casts, items, strict=True):
        cast.outputs[0].shape, cast.outputs[0].dtype = item.ids.shape, ir.DataType.INT32
    word_ids, position_ids, *segment_ids = (cast.outputs[0] for cast in casts)
    inputs = [
        word_ids,
        segment_ids[0] if segment_ids else None,
        words.table,
        positions.table,
        segments.table if segments else None,
        norm.inputs[1],
        norm.inputs[2],
        None,
        position_ids,
    ]
    epsilon = norm.attributes.get_float("epsilon", 1e-5)
    fused = ir.node("EmbedLayerNormalization", inputs, attributes={"epsilon": epsilon}, domain=DOMAIN, num_outputs=2)
    old, new = norm.outputs[0], fused.outputs[0]
    new.shape, new.type, fused.outputs[1].dtype = old.shape, old.type, ir.DataType.INT32
    ir.convenience.replace_nodes_and_values(graph, norm, [norm], [*casts, fused], [old], [new])
