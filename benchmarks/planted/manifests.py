"""Manifests cut, edited, or resealed over what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .fault import EXPORT, SOURCE, TEACHER, Fault, cut, reseal


def faults() -> Iterator[Fault]:
    """Manifests cut, edited, with names that lead elsewhere, or resealed with impossible facts."""
    for artifact in (EXPORT, SOURCE, TEACHER):
        yield Fault(
            f"manifest of {artifact} cut",
            lambda copy, at=artifact: cut(copy / at / "manifest.json"),
            words=("manifest",),
        )
        yield Fault(
            f"manifest of {artifact} edited", lambda copy, at=artifact: _edit(copy / at), words=("changed after",)
        )
        yield Fault(
            f"manifest of {artifact} deleted",
            lambda copy, at=artifact: (copy / at / "manifest.json").unlink(),
            words=("manifest.json is missing", "no artifact here"),
        )
    for name in ("../../synthetic.csv", "/etc/passwd", "a/../../../x"):
        yield Fault(
            f"manifest that lists {name}",
            lambda copy, name=name: reseal(
                copy / EXPORT, lambda content: content["files"].update({name: {"sha256": "0" * 64, "bytes": 1}})
            ),
            words=("outside the artifact",),
        )
    for name in ("../artifacts", "/tmp", ".."):
        yield Fault(
            f"manifest whose parent is {name}",
            lambda copy, name=name: reseal(copy / EXPORT, lambda content: content["parents"][0].update(name=name)),
            words=("outside the artifacts folder", "no artifact here"),
        )
    wrong: dict[str, Callable[[dict[str, Any]], Any]] = {
        "no layout": lambda facts: facts.pop("layout"),
        "a layer without an FFN": lambda facts: facts["layout"]["ffn"].pop(),
        "negative heads": lambda facts: facts["layout"]["heads"].__setitem__(0, -1),
        "a precision that does not exist": lambda facts: facts.update(precision="fp4"),
        "inputs that are a number": lambda facts: facts.update(inputs=3),
        "fusions that are not there": lambda facts: facts["graph"]["fusions"].update(Attention=9),
        "a greater share of fp16, as 0.1.0 recorded it": lambda facts: facts["conversion"].update(
            fp16_weight_share=None, fp16_initializer_share=1.0
        ),
    }
    for name, change in wrong.items():
        yield Fault(
            f"resealed manifest with {name}",
            lambda copy, change=change: reseal(copy / EXPORT, lambda content: change(content["facts"])),
        )
    yield Fault(
        "the source made again under another key",
        lambda copy: reseal(copy / SOURCE, lambda content: content.update(key="other")),
        words=("was made from another",),
    )


def _edit(folder: Path) -> None:
    path = folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"max_length": 32', '"max_length": 31'), encoding="utf-8")
