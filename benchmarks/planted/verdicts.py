"""Verdicts that would be false: of texts that a teacher may have learnt, of an export as it was, of what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from .fault import EXPORT, SOURCE, TEACHER, VALIDATE, Fault, cut, reseal
from .running import mctl, succeed

_ADOPTED = "adopted/prune0-vocab-fp32"
_CUDA = "validation-cuda.json"


def faults() -> Iterator[Fault]:
    """A teacher from elsewhere, reports that are older than the export, parents that were moved away."""
    judged = ("validate", _ADOPTED, *VALIDATE[2:], "--artifacts", "adopted")
    for flags in ((), ("--unseen-data",)):
        yield Fault(
            " ".join(("a teacher that was trained elsewhere", *flags)),
            _adopted,
            (*judged, *flags),
            ("made elsewhere",),
            (3,),
        )
    yield Fault(
        "a teacher that has learnt nothing, exported",
        _untrained,
        ("validate", "weak/teacher-fp32", *VALIDATE[2:], "--artifacts", "weak"),
        ("not shown to be right more often",),
        (3,),
    )
    yield Fault(
        "the report of a pass beside an export that is damaged since",
        _damaged,
        ("report", EXPORT),
        ("model.onnx has",),
        (2,),
    )
    yield Fault(
        "the report of a pass on CUDA of an export that was made again since",
        _stale_on_cuda,
        ("report", EXPORT, "--provider", "cuda"),
        ("not what was judged on cuda",),
        (0,),
    )
    for parent in (SOURCE, TEACHER):
        for command in (VALIDATE, ("bench", EXPORT, "--quiet")):
            yield Fault(
                f"{parent} moved away, {command[0]}",
                lambda copy, parent=parent: shutil.move(copy / parent, copy / "elsewhere"),
                command,
                ("no artifact here, and",),
                (2,),
            )
    yield Fault(
        "the source moved away, inspect",
        lambda copy: shutil.move(copy / SOURCE, copy / "elsewhere"),
        ("inspect", EXPORT),
        ("missing: looked for",),
        (0,),
    )
    yield Fault(
        "an export that needs a newer onnxruntime",
        lambda copy: reseal(copy / EXPORT, lambda content: content["facts"].update(onnxruntime="99.0")),
        words=("needs onnxruntime 99.0",),
        codes=(2,),
    )


def _adopted(copy: Path) -> None:
    """The teacher as a folder of transformers, of which nobody knows what it was trained on; test texts are cut off."""
    recipe = copy / "mctl.toml"
    content = recipe.read_text(encoding="utf-8")
    recipe.write_text(content.replace('test = "test.csv"', "test = 0.2"), encoding="utf-8")
    shutil.copytree(copy / TEACHER, copy / "theirs")
    (copy / "theirs" / "manifest.json").unlink()
    student = ("--prune", "0", "--trim-vocab", "--no-distill", "--artifacts", "adopted", "--quiet")
    succeed(copy, "compress", "--teacher", "theirs", *student)
    succeed(copy, "export", "adopted/prune0-vocab", "--fp32", "--artifacts", "adopted", "--quiet")


def _untrained(copy: Path) -> None:
    """A learning rate that is far too small: the head stays as it was drawn."""
    place = ("--artifacts", "weak", "--quiet")
    succeed(copy, "finetune", "--epochs", "1", "--learning-rate", "1e-9", *place)
    succeed(copy, "export", "weak/teacher", "--fp32", *place)


def _damaged(copy: Path) -> None:
    cut(copy / EXPORT / "model.onnx")
    mctl(copy, *VALIDATE)


def _stale_on_cuda(copy: Path) -> None:
    result = json.loads((copy / EXPORT / "validation.json").read_text(encoding="utf-8"))
    (copy / EXPORT / _CUDA).write_text(json.dumps(result | {"provider": "cuda"}), encoding="utf-8")
    reseal(copy / EXPORT, lambda content: content.update(created="2020-01-01T00:00:00+00:00"))
    mctl(copy, *VALIDATE)
