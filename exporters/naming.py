"""Nodes named after the modules they come from, so that a list of nodes can be read."""

from __future__ import annotations

import ast
from collections import Counter

import onnx_ir as ir

# PyTorch's exporter notes the modules around every node, outermost first, as a Python list.
_SCOPES = "pkg.torch.onnx.name_scopes"


def name_after_modules(model: ir.Model, prefix: str) -> None:
    """Names every node "path.of.module/Operator", numbered from the second such node of a module on.

    Args:
        prefix: path of the model within what was exported, which no name needs to repeat.
    """
    seen: Counter[str] = Counter()
    for node in model.graph:
        path = _module(node).removeprefix(prefix).removeprefix(".")
        name = f"{path}/{node.op_type}" if path else node.op_type
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}_{seen[name]}"


def _module(node: ir.Node) -> str:
    """Path of the innermost module; empty for nodes of the graph itself and for those that a fusion put in."""
    try:
        scopes = ast.literal_eval(node.metadata_props.get(_SCOPES, "[]"))
    except (SyntaxError, ValueError):
        return ""
    inner = [scope for scope in scopes[:-1] if isinstance(scope, str) and not scope.startswith("_empty")]
    return inner[-1] if inner else ""
