"""The files of a model: where they are, in a folder or in the cache of the hub's client, and what the weights hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mctl.artifact import check_readable
from mctl.errors import UserError
from mctl.path_kind import kind_of
from mctl.pipeline.hub import hub_answers
from mctl.recipe import ModelSettings

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
_OFFLINE = "Give a folder, or download the model where there is a network and copy it here."
_ENDINGS = (".onnx", ".safetensors", ".bin", ".pt", ".pth", ".csv", ".toml", ".json", "/", "\\")


@dataclass(frozen=True)
class Stored:
    """One tensor of a file.

    Attributes:
        shape: its sizes.
        dtype: as safetensors names it, such as "F32".
    """

    shape: tuple[int, ...]
    dtype: str


def is_folder(name: str) -> bool:
    """Whether a model name means a folder: one that is there, or one that can be no hub id."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if Path(name).expanduser().exists() or name.startswith(("/", ".", "~")) or name.lower().endswith(_ENDINGS):
        return True
    if Path(name).parent != Path() and Path(name).parent.is_dir():
        return True
    try:
        validate_repo_id(name.partition("@")[0])
    except HFValidationError:
        return True
    return False


@contextmanager
def loading(settings: ModelSettings, part: str) -> Iterator[None]:
    """Turn whatever a library raises while it reads a model's files into a refusal.

    Files of models come from everywhere, and transformers, tokenizers, safetensors and huggingface_hub raise what they
    stumble over: KeyError, AttributeError, plain Exception, panics of Rust. The body must hold their calls alone: an
    error in code of ours would look like the user's.

    Args:
        part: what is read, as the message names it: "config.json", "the tokenizer", "the model".

    Raises:
        UserError: the library's message, in one paragraph. Code that the user allowed to run keeps its traceback.
    """
    try:
        yield
    except UserError:
        raise
    except BaseException as error:
        panicked = type(error).__name__ == "PanicException"
        known = isinstance(error, OSError | ValueError | ImportError | RuntimeError | SafetensorError)
        ours = settings.trust_remote_code and not known
        if ours or not (panicked or isinstance(error, Exception)):
            raise
        raise _explain(error, settings, part) from error


def _explain(error: BaseException, settings: ModelSettings, part: str) -> UserError:
    text = " ".join(str(error).split()).rstrip(".")
    text = text if isinstance(error, OSError | ValueError | RuntimeError) else f"{type(error).__name__}: {text}"
    where = settings.name
    if "trust_remote_code" in text:
        return UserError(
            "the model brings Python code of its own.",
            where=where,
            todo="Read it, then allow it with --trust-remote-code.",
        )
    if isinstance(error, SafetensorError):
        return UserError(
            f"the weights are damaged: {text}.", where=where, todo="Copy model.safetensors again and compare its size."
        )
    todo = "Check the files of this folder."
    if part == "the tokenizer":
        import tokenizers

        todo += (
            f" tokenizer.json may be of a newer version than tokenizers {tokenizers.__version__}, which is installed: "
            "then update it, or save the tokenizer again with this version."
        )
    return UserError(f"{part} cannot be loaded: {text[:300]}.", where=where, todo=todo)


def source_of(settings: ModelSettings) -> dict[str, Any]:
    """How `from_pretrained` is to find a model.

    Raises:
        UserError: no name, no such folder, a folder without a model or with files that this user may not read.
    """
    name = settings.name
    if not name:
        raise UserError("no model is named.", where="--model", todo="Give a hub id or a folder, or set [model] name.")
    folder = is_folder(name)
    path = Path(name).expanduser()
    if folder and not (path / CONFIG).is_file():
        _refuse_folder(path)
    if folder and (path / "adapter_config.json").is_file():
        _refuse_adapter(name)
    for file in sorted(path.iterdir()) if folder else ():
        if file.suffix in (".json", ".safetensors", ".txt", ".model") and file.is_file():
            check_readable(file)
    return {
        "pretrained_model_name_or_path": str(path) if folder else name,
        "revision": settings.revision,
        "local_files_only": not folder and not hub_answers(),
    }


def _refuse_folder(path: Path) -> None:
    kind = kind_of(path)
    if kind is None or "Transformers" in kind.what:
        raise UserError(
            "there is no Transformers model here (config.json is missing).",
            where=str(path),
            todo="Name a folder that save_pretrained() wrote, or a hub id.",
        )
    instead = ", not a Transformers model (config.json is missing)" if path.is_dir() else ""
    raise UserError(f"{kind.what}{instead}.", where=str(path), todo=kind.todo)


def _refuse_adapter(name: str) -> None:
    raise UserError(
        "adapter_config.json: this is an adapter of PEFT, or has one beside it.",
        where=name,
        todo="Merge it into the model with merge_and_unload() and save that with save_pretrained().",
    )


def file_of(settings: ModelSettings, name: str) -> Path | None:
    """The path of one file of a model, fetched where it comes from the hub; None where there is none.

    Raises:
        UserError: as `source_of`; the hub does not answer or has no such model.
    """
    from transformers.utils import cached_file

    source = source_of(settings)
    folder = Path(source["pretrained_model_name_or_path"])
    if is_folder(str(settings.name)):
        return folder / name if (folder / name).is_file() else None
    try:
        found = cached_file(str(settings.name), name, revision=settings.revision,
                            local_files_only=source["local_files_only"],
                            _raise_exceptions_for_missing_entries=name == CONFIG)  # fmt: skip
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        asked = f"the hub has no such model: {text[:300]}" if hub_answers() else "the hub does not answer"
        raise UserError(
            f"there is no folder of this name here, and {asked.rstrip('.')}.", where=settings.name, todo=_OFFLINE
        ) from error
    return None if found is None else Path(found)


def read_json(path: Path, where: str) -> dict[str, Any]:
    """A file that holds a JSON object.

    Raises:
        UserError: it holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path.name} cannot be loaded: it is not JSON ({' '.join(str(error).split())}).",
            where=where,
            todo="Check the files of this folder: it may have been cut short.",
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name} has to hold a JSON object.", where=where, todo="Copy the file again.")
    return content


def stored_tensors(settings: ModelSettings) -> dict[str, Stored]:
    """Names, sizes and types of all tensors of a model, from the headers of its files.

    Raises:
        UserError: no safetensors, a shard that is missing, a file that is damaged.
    """
    found: dict[str, Stored] = {}
    for path, expected in _shards(settings):
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
                stored = {name: Stored(tuple(part.get_shape()), part.get_dtype()) for name, part in tensors.items()}
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"the weights are damaged: {path.name}: {' '.join(str(error).split())}.",
                where=settings.name,
                todo="Copy model.safetensors again and compare its size.",
            ) from error
        if missing := sorted(expected - stored.keys()):
            raise UserError(
                f"{path.name} lacks weights that {INDEX} says it has: {', '.join(missing[:3])}.",
                where=settings.name,
                todo="Copy the files of the model again.",
            )
        found |= stored
    return found


def read_tensors(settings: ModelSettings, names: Collection[str]) -> dict[str, Any]:
    """Some tensors of a model, which `stored_tensors` has found."""
    found: dict[str, Any] = {}
    for path, _ in _shards(settings):
        with safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in names if name in file.keys()}  # noqa: SIM118
    return found


def _shards(settings: ModelSettings) -> list[tuple[Path, set[str]]]:
    """The files of the weights, each with the names that an index says it has; the one file comes before an index."""
    whole = file_of(settings, WEIGHTS)
    if whole is not None:
        return [(whole, set())]
    index = file_of(settings, INDEX)
    if index is None:
        raise UserError(
            f"its weights are not in safetensors, the one format that is read{_instead(settings)}.",
            where=settings.name,
            todo="Convert them with transformers' save_pretrained().",
        )
    where = str(settings.name)
    content = read_json(index, where).get("weight_map")
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content.values()):
        raise UserError(f"{INDEX}: weight_map has to name a file for each weight.", where=where, todo="Copy it again.")
    by_file: dict[str, set[str]] = {}
    for tensor, name in content.items():
        by_file.setdefault(name, set()).add(tensor)
    paths = {name: file_of(settings, name) if Path(name).name == name else None for name in sorted(by_file)}
    if missing := [name for name, path in paths.items() if path is None]:
        raise UserError(
            f"a part of its weights is missing: {', '.join(missing[:3])} ({INDEX} names {len(paths)} files).",
            where=where,
            todo="Copy the missing file from where the model came from.",
        )
    return [(path, by_file[name]) for name, path in paths.items() if path is not None]


def _instead(settings: ModelSettings) -> str:
    """What there is instead, for a folder."""
    folder = Path(str(settings.name)).expanduser()
    kind = kind_of(folder) if folder.is_dir() else None
    return f": {kind.what}" if kind is not None and "Transformers" not in kind.what else ""
