"""The environment, examined: every line is something that was tried, not something that is assumed."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from mctl.artifact import artifacts_in
from mctl.errors import UserError
from mctl.pipeline.machine import fingerprint
from mctl.pipeline.runtime_version import check_runtime
from mctl.pipeline.stage import versions
from mctl.recipe import Recipe
from mctl.report.findings import Examined


def examine(recipe: Recipe) -> list[Examined]:
    """Try what the commands need."""
    return [
        _try("python", lambda: sys.version.split()[0]),
        _try("libraries", _libraries),
        _exports(recipe),
        _try("masks", _masks),
        _try("machine", _machine),
        _gpu(),
        _try("bf16", _bf16),
        _disk(recipe),
        _energy(),
    ]


def _try(name: str, action: Callable[[], str]) -> Examined:
    try:
        return Examined(name, "ok", action())
    except Exception as error:  # A doctor reports whatever is wrong, of any type, and goes on to the next organ.
        return Examined(name, "broken", f"{type(error).__name__}: {error}")


def _libraries() -> str:
    for name in ("torch", "transformers", "onnx", "onnxruntime", "codecarbon"):
        importlib.import_module(name)
    return ", ".join(f"{name} {version}" for name, version in versions().items() if name not in {"python", "platform"})


def _exports(recipe: Recipe) -> Examined:
    """Whether the onnxruntime that is installed runs every export in the folder of artifacts."""
    exports = artifacts_in(recipe.artifacts, ("export",))
    try:
        for export in exports:
            check_runtime(export)
    except UserError as error:
        return Examined("exports", "note", str(error))
    told = f"onnxruntime is new enough for all {len(exports)} in {recipe.artifacts}" if exports else "none yet"
    return Examined("exports", "ok", told)


def _masks() -> str:
    from mctl.compression.movement import masked_nn

    return f"nn_pruning imports, repaired: {masked_nn.__name__} is ready"


def _machine() -> str:
    facts = fingerprint()
    return f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}"


def _gpu() -> Examined:
    import onnxruntime
    import torch

    providers = onnxruntime.get_available_providers()
    if not torch.cuda.is_available():
        return Examined("gpu", "note", f"none that torch can use; onnxruntime knows {', '.join(providers)}")
    name = torch.cuda.get_device_name(0)
    if "CUDAExecutionProvider" not in providers:
        return Examined("gpu", "note", f"{name}, but onnxruntime has no CUDA provider: install onnxruntime-gpu")
    return Examined("gpu", "ok", f"{name}, used by torch and onnxruntime")


def _bf16() -> str:
    import torch

    from mctl.compression.mixed_precision import bf16_slowdown

    if torch.accelerator.is_available():
        return "runs on the accelerator"
    factor = bf16_slowdown()
    return f"matrix products take {factor:.2f} times as long as in fp32" + ("" if factor < 1 else ": no gain here")


def _disk(recipe: Recipe) -> Examined:
    folder = recipe.artifacts.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    return Examined("disk", "ok" if free > 5 else "note", f"{free:.1f} GB free for {recipe.artifacts}")


def _energy() -> Examined:
    readable = [path for path in Path("/sys/class/powercap").glob("intel-rapl:*/energy_uj") if os.access(path, os.R_OK)]
    if readable:
        return Examined("energy", "ok", "the processor's power meter (RAPL) can be read: energy is measured")
    return Examined("energy", "note", "no power meter that may be read: energy is estimated from load and rated power")
