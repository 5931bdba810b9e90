"""A smaller graph for trials: the same nodes, with the embeddings of a few tokens alone.

Most of the bytes of a multilingual encoder are embeddings that no example looks up. A search that converts and loads
the graph a hundred times need not carry them along.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from .errors import ExportError
from .files import read_model, write_model

# Where the table of token embeddings is among the inputs of the operator that looks them up.
_TABLE_OF = {"Gather": 0, "EmbedLayerNormalization": 2}


def write_excerpt(source: Path, target: Path, tokens: Iterable[int]) -> np.ndarray:
    """Writes the graph at `source` to `target` with the token embeddings of `tokens`, and those of widest range.

    The rows with the smallest and the largest number stay, so that the table is quantized as it would be whole.

    Returns:
        ids of the tokens kept, ascending: token `ids[i]` of the source is token i of the excerpt. All of them where the
        graph has no table that only the token ids look things up in.

    Raises:
        ExportError: the file is unreadable, or a token is beyond the table.
    """
    model = read_model(source)
    table = _table(model.graph)
    wanted = np.unique(np.fromiter(tokens, np.int64))
    if table is None:
        write_model(model, target)
        return np.arange(wanted.max() + 1)
    rows = numpy_helper.to_array(table)
    if wanted.max() >= len(rows):
        raise ExportError(f"{source} has {len(rows)} tokens, and no token {wanted.max()}")
    extremes = [rows.max(axis=1).argmax(), rows.min(axis=1).argmin()]
    kept = np.union1d(wanted, np.array(extremes, np.int64))
    table.CopyFrom(numpy_helper.from_array(rows[kept], table.name))
    write_model(model, target)
    return kept


def _table(graph: onnx.GraphProto) -> onnx.TensorProto | None:
    """Embeddings of the tokens, if nothing else reads them."""
    ids, tables = {"input_ids"}, set()
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in ids:
            ids.add(node.output[0])
        where = _TABLE_OF.get(node.op_type)
        if where is not None and ids.intersection(node.input[:2]) and len(node.input) > where:
            tables.add(node.input[where])
    uses = [name for node in graph.node for name in node.input if name in tables]
    found = [tensor for tensor in graph.initializer if tensor.name in tables]
    return found[0] if len(found) == len(uses) == 1 else None
