"""Labels and tokenizers that were changed, with new hashes to match."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from .fault import EXPORT, Fault, reseal


def faults() -> Iterator[Fault]:
    """Files beside the graph that say something else than the models know."""
    for name, (change, words) in {
        "labels swapped": (_swap_labels, ("number their classes",)),
        "tokenizer with its ids moved": (_move_tokens, ("label_agreement",)),
    }.items():
        yield Fault(f"resealed: {name}", lambda copy, change=change: _resealed(copy, change), words=words)


def _resealed(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy / EXPORT)
    reseal(copy / EXPORT)


def _swap_labels(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    names = config["id2label"]
    names["0"], names["1"] = names["1"], names["0"]
    config["label2id"] = {name: int(index) for index, name in names.items()}
    path.write_text(json.dumps(config), encoding="utf-8")


def _move_tokens(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary, special = content["model"]["vocab"], {token["content"] for token in content["added_tokens"]}
    others = [token for token in vocabulary if token not in special]
    numbers = [vocabulary[token] for token in others]
    vocabulary.update(zip(others, [*numbers[7:], *numbers[:7]], strict=True))
    path.write_text(json.dumps(content), encoding="utf-8")
