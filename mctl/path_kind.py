"""What lies at a path where something else was wanted, and which command takes it."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import NamedTuple

_COMMANDS = "`mctl compress --teacher DIR` takes a fine-tuned classifier, `mctl finetune --model DIR` an encoder."
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_ONNX_TODO = (
    "mctl judges the ONNX files that it exports itself. Name the PyTorch model that this one was made of: "
    "`mctl compress --teacher DIR`, then `mctl export`."
)
_PEFT_TODO = "Merge it into its base model with merge_and_unload(), then save that with save_pretrained()."
# By ending, in lower case.
_FILES = {
    ".onnx": ("this is an ONNX file", _ONNX_TODO),
    ".safetensors": ("this is a file of weights", "Name the folder that it is in."),
    ".gguf": ("this is a GGUF file", "Name a folder of safetensors and config.json."),
    ".h5": ("these are weights of TensorFlow", "Load them with transformers 4 and save_pretrained()."),
    ".toml": ("this is a TOML file", "A recipe is given with -c."),
    ".zip": ("this is an archive", "Unpack it and name the folder."),
    **dict.fromkeys(_PICKLED, ("this is a file of pickled weights", "Save the model with save_pretrained().")),
    **dict.fromkeys(
        (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx"), ("this is a data file", "Data are given with --data.")
    ),
}


class Kind(NamedTuple):
    """What a path holds.

    Attributes:
        what: a clause: "this is an ONNX file".
        todo: which command takes it, or what to do.
    """

    what: str
    todo: str


def kind_of(path: Path) -> Kind | None:
    """What lies at `path`, as far as its names tell; None where nothing is known.

    Example:
        >>> kind_of(Path("model.onnx.missing")).what
        'there is no such file or folder'
    """
    if path.is_dir():
        return _folder(path)
    if path.exists():
        return _file(path)
    return Kind("there is no such file or folder", _alike(path))


def _file(path: Path) -> Kind:
    if path.name in {"config.json", "manifest.json"}:
        return Kind("this is a file in a folder", "Name the folder.")
    return Kind(*_FILES.get(path.suffix.lower(), ("this is a file, not a folder", "Name a folder.")))


def _folder(path: Path) -> Kind | None:
    names = {entry.name for entry in path.iterdir()}
    endings = {Path(name).suffix.lower() for name in names}
    if "adapter_config.json" in names:
        return Kind("this is an adapter of PEFT, not a whole model", _PEFT_TODO)
    if ".onnx" in endings or ("onnx" in names and "config.json" not in names):
        return Kind("this is a folder with an ONNX file", _ONNX_TODO)
    if "config.json" in names and ".safetensors" in endings:
        return Kind(f"this is a Transformers model{_model_type(path)}", _COMMANDS)
    if endings & {*_PICKLED, ".h5"} and "config.json" in names:
        return Kind(
            "this is a Transformers model whose weights are not in safetensors", "Save it with save_pretrained()."
        )
    within = sorted(name for name in names if (path / name / "manifest.json").is_file() and not name.startswith("."))
    if within:
        return Kind("this folder holds artifacts", f"Name one of them: {', '.join(within[:8])}.")
    return None if names else Kind("this folder is empty", "Check the path.")


def _model_type(path: Path) -> str:
    try:
        found = json.loads((path / "config.json").read_bytes()).get("model_type")
    except (ValueError, AttributeError, OSError, RecursionError):
        return ""
    return f" ({found})" if isinstance(found, str) else ""


def _alike(path: Path) -> str:
    """Asks for names beside the one that is not there, where some are like it."""
    beside = path.parent if path.parent.is_dir() else None
    close = difflib.get_close_matches(path.name, [entry.name for entry in beside.iterdir()] if beside else [], 3)
    if close:
        return f"Did you mean {' or '.join(str(path.parent / name) for name in close)}?"
    return f"Check the path; relative ones start at {Path.cwd()}."
