"""The weights of a model are all there, have the sizes of its configuration, and none is left over.

transformers fills what is missing with random numbers and drops what it does not know; it warns at most. Here the names
and sizes in the headers of the files are held against those of the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mctl.compression.families import family_of
from mctl.errors import UserError
from mctl.pipeline.model_files import Stored
from mctl.recipe import ModelSettings

_FLOATS = {"F64", "F32", "F16", "BF16"}
# Older versions saved these constants; they hold 0, 1, 2, ... and zeros.
_CONSTANT = re.compile(r"(^|\.)embeddings\.(position_ids|token_type_ids)$")
_CLASSIFIERS = ("classifier.", "pre_classifier.")
PRETRAINING_HEADS = (
    "cls.predictions.",
    "cls.seq_relationship.",
    "lm_head.",
    "vocab_transform.",
    "vocab_layer_norm.",
    "vocab_projector.",
    "discriminator_predictions.",
    "generator_predictions.",
    "generator_lm_head.",
)
"""Heads of masked and replaced tokens and of next sentences, in the families that are supported."""
_LAYER = re.compile(r"(?:^|\.)layer\.(\d+)\.")
# Rows of a table, by the key of config.json that counts them.
_TABLES = {
    "vocab_size": "word_embeddings.weight",
    "max_position_embeddings": "position_embeddings.weight",
    "type_vocab_size": "token_type_embeddings.weight",
}
_WRAPPERS = {
    "module.": "torch's DataParallel puts `module.` before each name: save model.module",
    "_orig_mod.": "torch.compile puts `_orig_mod.` before each name: save model._orig_mod",
    "base_model.model.": "PEFT puts `base_model.model.` before each name: merge with merge_and_unload() and save that",
    "model.": "`model.` stands before each name: save the model within",
}
# What a name that is left over tells.
_SIGNS = {
    "distance_embedding": "these are relative positions, which transformers 5 does not have",
    "lora_": "these are weights of an adapter (LoRA) that was not merged",
    ".SCB": "these are scales of quantised weights",
    "crossattention": "these are of cross-attention, which an encoder does not have",
    "parametrizations.": "these are parts of a parametrization that was not removed",
    "adapter": "these are weights of adapters",
}
_AGAIN = "Save the model again with save_pretrained()."


@dataclass(frozen=True)
class Fit:
    """How the tensors of the files fit those of a model.

    Attributes:
        taken: name in the files of each tensor of the model.
        missing: tensors of the model that the files lack.
        leftover: tensors of the files that the model lacks.
        resized: tensors of the model with another size in the files: (files, model).
    """

    taken: dict[str, str]
    missing: list[str]
    leftover: list[str]
    resized: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


def fit(expected: Mapping[str, tuple[int, ...]], stored: Mapping[str, Stored], prefix: str) -> Fit:
    """Find each tensor of the files in the model.

    Args:
        expected: sizes by name, of the model.
        prefix: what stands before the names of the encoder in a classifier: files of an encoder lack it.

    Example:
        >>> fit({"bert.x": (2,)}, {"x": Stored((2,), "F32"), "y": Stored((1,), "F32")}, "bert").leftover
        ['y']
    """
    taken: dict[str, str] = {}
    leftover = []
    for name in stored:
        # Models of 2018 have TensorFlow's names for LayerNorm.
        modern = re.sub(r"LayerNorm\.(gamma|beta)$", _modern, name)
        known = next((found for found in (modern, f"{prefix}.{modern}") if found in expected), None)
        if known is None or known in taken:
            leftover.append(name)
        else:
            taken[known] = name
    sizes = {known: (stored[name].shape, expected[known]) for known, name in taken.items()}
    return Fit(
        taken,
        missing=[name for name in expected if name not in taken],
        leftover=sorted(leftover),
        resized={name: both for name, both in sizes.items() if both[0] != both[1]},
    )


def _modern(found: re.Match[str]) -> str:
    return f"LayerNorm.{'weight' if found[1] == 'gamma' else 'bias'}"


def check_tables(config: Any, stored: Mapping[str, Stored], settings: ModelSettings) -> None:
    """Refuse numbers of layers and of embeddings that the files contradict: before a model of that size is built.

    Raises:
        UserError: names the key of config.json and what the files have.
    """
    layers = {int(found[1]) for name in stored if (found := _LAYER.search(name))}
    if len(layers) != config.num_hidden_layers:
        raise UserError(
            f"config.json says num_hidden_layers {config.num_hidden_layers}, and its weights have {len(layers)}.",
            where=settings.name,
            todo="Mend config.json; to keep fewer layers of a whole model, use `mctl compress --layers`.",
        )
    for key, table in _TABLES.items():
        for name, tensor in stored.items():
            if not (name == table or name.endswith(f"embeddings.{table}")) or not hasattr(config, key):
                continue
            if (rows := tensor.shape[0] if tensor.shape else 0) != getattr(config, key):
                raise UserError(
                    f"config.json says {key} {getattr(config, key)}, and {name} has {rows} rows.",
                    where=settings.name,
                    todo=_AGAIN,
                )


def check_classifier(model: Any, stored: Mapping[str, Stored], settings: ModelSettings) -> None:
    """Refuse weights that are not those of this classifier, all of them and no others.

    Left over may be constants, and a pooler that this family's classifier does not use.

    Raises:
        UserError: names the tensors.
    """
    found = _fit(model, stored)
    prefix = model.base_model_prefix
    leftover = _without_use(found, prefix)
    _check_floats(found, stored, settings)
    if found.missing:
        wrapper = _wrapper(found, stored)
        raise UserError(
            f"its weights are incomplete: {_listed(found.missing)} would be random{wrapper}.",
            where=settings.name,
            todo=_AGAIN
            if wrapper
            else "Name a classifier that is fine-tuned; --model takes an encoder without a classification head.",
        )
    _check_resized(model, found.resized, settings)
    _check_leftover(leftover, settings)


def check_encoder(model: Any, stored: Mapping[str, Stored], settings: ModelSettings) -> None:
    """Refuse an encoder of which a part is missing, left over or of another size.

    Heads and poolers do not count: fine-tuning starts a new one. All else under the encoder's name has to be taken.

    Raises:
        UserError: names the tensors.
    """
    found = _fit(model, stored)
    prefix = model.base_model_prefix
    parts = {name for name, _ in getattr(model, prefix).named_children()} - {"pooler"}
    own = tuple(f"{prefix}.{part}." for part in parts)
    missing = [name for name in found.missing if name.startswith(own)]
    resized = {name: sizes for name, sizes in found.resized.items() if name.startswith(own)}
    heads = set(heads_in(stored, model.config))
    leftover = [name for name in _without_use(found, prefix) if name not in heads]
    _check_floats(found, stored, settings)
    if missing:
        raise UserError(
            f"encoder weights are missing: {_listed(missing)} would be random{_wrapper(found, stored)}.",
            where=settings.name,
            todo=_AGAIN,
        )
    _check_resized(model, resized, settings)
    _check_leftover(leftover, settings)


def check_finite(model: Any, settings: ModelSettings) -> None:
    """Refuse weights that are no numbers: a training that diverged, or fp16 that overflowed.

    Raises:
        UserError: names the tensors.
    """
    import torch

    broken = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if broken:
        raise UserError(
            f"weights are NaN or infinite: {_listed(broken)}.",
            where=settings.name,
            todo="Take an earlier checkpoint: its training diverged.",
        )


def heads_in(stored: Mapping[str, Stored], config: Any) -> list[str]:
    """The tensors of heads: what stands outside the encoder.

    In files of an encoder alone, whose names lack its prefix, these are the heads whose names are known: what else is
    in them cannot be told from a part of the encoder.
    """
    family = family_of(config)
    paths = [path.split(".")[:2] for path in (family.encoder, *family.embeddings)]
    prefix = f"{paths[0][0]}."
    if not any(name.startswith(prefix) for name in stored):
        return [name for name in stored if name.startswith((*_CLASSIFIERS, *PRETRAINING_HEADS))]
    within = (prefix, "pooler.", *(f"{part}." for _, part in paths))
    return [name for name in stored if not name.startswith(within)]


def _without_use(found: Fit, prefix: str) -> list[str]:
    """What is left over but for constants, and for a pooler that this family's classifier does not use."""
    poolers = ("pooler.", f"{prefix}.pooler.")
    used = any(name.startswith(poolers) for name in found.taken)
    return [name for name in found.leftover if not _CONSTANT.search(name) and (used or not name.startswith(poolers))]


def _fit(model: Any, stored: Mapping[str, Stored]) -> Fit:
    sizes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    return fit(sizes, stored, model.base_model_prefix)


def _check_floats(found: Fit, stored: Mapping[str, Stored], settings: ModelSettings) -> None:
    odd = {name: stored[name].dtype for name in found.taken.values() if stored[name].dtype not in _FLOATS}
    if odd:
        name, kind = next(iter(odd.items()))
        raise UserError(
            f"its weights are quantised: {name} is of type {kind}.",
            where=settings.name,
            todo="Name the model as it was before, in fp32, fp16 or bf16; `mctl export --int8` quantises the result.",
        )


def _check_resized(
    model: Any, resized: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]], settings: ModelSettings
) -> None:
    if not resized:
        return
    shown = [f"{name} is {_size(file)} and not {_size(own)}" for name, (file, own) in sorted(resized.items())[:3]]
    names = family_of(model.config).names
    attention = tuple(f".{names[role]}.weight" for role in ("query", "key", "value"))
    narrower = [name for name, (file, own) in resized.items() if name.endswith(attention) and file[:1] < own[:1]]
    layers = sorted({int(found[1]) for name in narrower if (found := _LAYER.search(name))})
    why = f" Attention heads were pruned before, in layers {', '.join(map(str, layers))}." if layers else ""
    raise UserError(
        f"{len(resized)} weights are of another size than config.json says: {'; '.join(shown)}.{why}",
        where=settings.name,
        todo="Name the model as it was before pruning." if layers else "Mend config.json, or copy the model again.",
    )


def _check_leftover(leftover: list[str], settings: ModelSettings) -> None:
    if not leftover:
        return
    why = next((f": {words}" for sign, words in _SIGNS.items() if any(sign in name for name in leftover)), "")
    raise UserError(
        f"{len(leftover)} weights of its files have no place in this model: {_listed(leftover)}{why}.",
        where=settings.name,
        todo="Without them it would be another model than the one that was trained. Name a model that is complete in "
        "itself, saved with save_pretrained().",
    )


def _wrapper(found: Fit, stored: Mapping[str, Stored]) -> str:
    """What stands before all names that are left over, where it is known."""
    for prefix, words in _WRAPPERS.items():
        if found.leftover and all(name.startswith(prefix) for name in stored):
            return f"; {words}"
    return ""


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(sorted(names)[:3])}{more}"
