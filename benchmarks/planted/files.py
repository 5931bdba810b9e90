"""Files that are damaged, gone, added, or lead elsewhere."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

from .fault import EXPORT, SOURCE, TEACHER, Fault, cut


def faults(folder: Path) -> Iterator[Fault]:
    """Every file of the three artifacts: a bit flipped, the second half gone, the file gone."""
    for artifact in (EXPORT, SOURCE, TEACHER):
        for name in json.loads((folder / artifact / "manifest.json").read_text(encoding="utf-8"))["files"]:
            place = f"{artifact}/{name}"
            yield Fault(f"bit flipped in {place}", lambda copy, at=place: _flip_bit(copy / at), words=(name,))
            if name.endswith((".onnx", ".safetensors", "tokenizer.json", "config.json")):
                yield Fault(f"{place} cut in half", lambda copy, at=place: cut(copy / at), words=(name,))
                yield Fault(f"{place} deleted", lambda copy, at=place: (copy / at).unlink(), words=(name,))
        yield Fault(
            f"a pickle beside the files of {artifact}",
            lambda copy, at=artifact: (copy / at / "pytorch_model.bin").write_bytes(pickle.dumps([1])),
            words=("pytorch_model.bin",),
        )
    yield Fault(
        "model.onnx replaced by a link to a file elsewhere",
        _link_out,
        words=("model.onnx",),
    )


def _flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _link_out(copy: Path) -> None:
    graph = copy / EXPORT / "model.onnx"
    graph.rename(copy / "elsewhere.onnx")
    graph.symlink_to(copy / "elsewhere.onnx")
