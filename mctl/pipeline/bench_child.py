"""A process of its own that loads one model, runs one call, and says how much memory that took.

`bench_memory.py` starts it, writes a request to its stdin and reads the answer from its stdout: JSON both ways.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from mctl.errors import UserError
from mctl.pipeline.scoring import Batch, Runner
from mctl.pipeline.timing import Place, full_batch

_KIB = 1024
_BYTES_PER_MB = 1e6
# The first call plans the memory of those that follow.
_CALLS = 2
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def peak_bytes() -> int:
    """The most memory that this process has held.

    Linux hands `ru_maxrss` down from the process that started this one, even after exec, so that a child of a large
    process looks as large; VmHWM is of this program alone.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KIB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB


def _with_pytorch(request: dict[str, Any]) -> tuple[float, Runner]:
    """Memory before the model is loaded, in MB, and the model."""
    import torch

    # What loading a model would import, so that it counts as imports.
    import mctl.compression.modeling_compact
    import mctl.exporters.torch_runner  # noqa: F401
    from mctl.pipeline.sessions import torch_runner, use_threads

    use_threads(request["threads"])
    if request["provider"] == "cuda":
        torch.zeros(1, device="cuda")  # Has PyTorch load its CUDA libraries.
    imports_mb = peak_bytes() / _BYTES_PER_MB
    return imports_mb, torch_runner(Path(request["model"]), request["inputs"], request["provider"])


def _with_onnxruntime(request: dict[str, Any]) -> tuple[float, Runner]:
    """Memory before the graph is loaded, in MB, and the graph. PyTorch is not imported: an export does without."""
    from mctl.exporters.runtime import open_classifier

    imports_mb = peak_bytes() / _BYTES_PER_MB
    return imports_mb, open_classifier(Path(request["model"]), provider=request["provider"], threads=request["threads"])


def _run(runner: Runner, request: dict[str, Any]) -> None:
    place = Place(request["provider"], request["texts"], request["tokens"], request["threads"])
    batch: Batch = full_batch(place, INPUTS, request["vocabulary"])
    for _ in range(_CALLS):
        runner(batch)


def _device_of_pytorch() -> dict[str, Any]:
    import torch

    held_mb = torch.cuda.max_memory_allocated() / _BYTES_PER_MB
    return {"device_mb": held_mb, "device_source": "torch.cuda.max_memory_allocated"}


def _device_of_session(holder: list[Runner]) -> dict[str, Any]:
    """What the GPU has more of once the session is gone. An arena only grows, so it still holds its peak.

    PyTorch is imported for this, after the memory of the process was read.
    """
    import torch

    gc.collect()
    before = torch.cuda.mem_get_info()[0]
    holder.clear()
    gc.collect()
    freed_mb = (torch.cuda.mem_get_info()[0] - before) / _BYTES_PER_MB
    return {"device_mb": freed_mb, "device_source": "free memory of the GPU, without the session and with it"}


def measured(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: `imports_mb`, `peak_mb` and, of a GPU, `device_mb` and `device_source`; or `failed`,
    whether it "load"s or "run"s not, and `reason`."""
    from mctl.pipeline.bench_points import failures, why

    doing, is_export = "load", request["runtime"] == "onnxruntime"
    try:
        imports_mb, runner = (_with_onnxruntime if is_export else _with_pytorch)(request)
        doing = "run"
        _run(runner, request)
        answer = {"imports_mb": imports_mb, "peak_mb": peak_bytes() / _BYTES_PER_MB}
        if request["provider"] == "cuda":
            holder = [runner]
            del runner
            answer |= _device_of_session(holder) if is_export else _device_of_pytorch()
        return answer
    except UserError as error:
        return {"failed": doing, "reason": str(error)}
    except failures() as error:
        return {"failed": doing, "reason": why(error)}


def main() -> None:
    """Answer one request. Libraries may write to stdout as well; the answer is the last line."""
    sys.stdout.write(f"\n{json.dumps(measured(json.load(sys.stdin)))}\n")


if __name__ == "__main__":
    main()
