"""Models and tokenizers from folders and the hub, with errors that a user can act on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from mctl.artifact import MANIFEST, sha256_of
from mctl.compression.families import family_of
from mctl.compression.registration import register
from mctl.errors import UserError
from mctl.ownership import REPORT_FILES
from mctl.pipeline.hub import hub_answers
from mctl.recipe import ModelSettings

_OFFLINE = "Give a folder, or download the model where there is a network and copy it here."


def is_folder(name: str) -> bool:
    """Whether a model name means a folder: one that is there, or one that can be no hub id."""
    return Path(name).exists() or name.startswith(("/", ".", "~")) or name.count("/") > 1


def load_config(settings: ModelSettings) -> Any:
    """The configuration of a model that mctl can prune.

    Raises:
        UserError: no such folder or hub id, an unreachable hub, an architecture that cannot be pruned.
    """
    from transformers import AutoConfig

    register()
    config = _from_pretrained(AutoConfig, settings)
    try:
        family_of(config)
    except UserError as error:
        raise UserError(error.what, where=settings.name, todo=error.todo) from error
    return config


def check_length(config: Any, max_length: int) -> None:
    """Refuse texts that are longer than the model has positions for.

    Raises:
        UserError: `max_length` is above what the model allows.
    """
    allowed = family_of(config).positions(config)
    if max_length > allowed:
        raise UserError(
            f"{max_length} tokens are more than the {allowed} positions of this model.",
            where="--max-length",
            todo="Longer texts are cut: ask for less.",
        )


def load_tokenizer(settings: ModelSettings) -> Any:
    """The tokenizer of a model, giving no other inputs than the model takes.

    Raises:
        UserError: there is none, or it cannot be loaded without executing code.
    """
    from transformers import AutoTokenizer

    missing = UserError(
        "there is no tokenizer with this model.",
        where=settings.name,
        todo="Put tokenizer.json (or vocab.txt) and tokenizer_config.json beside its config.json.",
    )
    try:
        tokenizer = _from_pretrained(AutoTokenizer, settings)
    except TypeError as error:  # transformers 4 takes a name that it has not found for the path of a file.
        raise missing from error
    # Where its files are missing, transformers 5 makes a tokenizer that knows special tokens alone.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise missing
    if _is_stock(tokenizer):
        tokenizer.init_kwargs.pop("auto_map", None)
    _narrow(tokenizer, family_of(load_config(settings)).inputs())
    return tokenizer


def _narrow(tokenizer: Any, taken: frozenset[str]) -> None:
    """Have a tokenizer give what the model takes: DistilBERT refuses the token types that BERT's tokenizer makes.

    Said in its settings too, which are saved with it: what holds where they say nothing differs between versions.
    """
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in taken]
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names


def load_classifier(settings: ModelSettings, class_names: Sequence[str] | None = None) -> Any:
    """A sequence classifier in fp32 on the CPU.

    Args:
        settings: which model. Only safetensors are read.
        class_names: start a new classification head for these classes, in this order; None: as it was trained.

    Raises:
        UserError: as `load_config`, and weights that are missing or not safetensors.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    load_config(settings)
    options: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32}
    if class_names is not None:
        options |= {
            "num_labels": len(class_names),
            "id2label": dict(enumerate(class_names)),
            "label2id": {name: index for index, name in enumerate(class_names)},
            "ignore_mismatched_sizes": True,
            "problem_type": "single_label_classification",
        }
    model, loaded = _from_pretrained(AutoModelForSequenceClassification, settings, output_loading_info=True, **options)
    if class_names is None and loaded["missing_keys"]:
        raise UserError(
            f"its weights are incomplete: {', '.join(sorted(loaded['missing_keys'])[:3])} would be random.",
            where=settings.name,
            todo="Name a classifier that is fine-tuned; --model takes an encoder without a classification head.",
        )
    _check_encoder(model, loaded, settings)
    if _is_stock(model) and hasattr(model.config, "auto_map"):
        del model.config.auto_map
    # Only logits are wanted: hidden states and attentions of a whole split would fill the memory.
    model.config.output_hidden_states = False
    model.config.output_attentions = False
    return model


def _check_encoder(model: Any, loaded: Any, settings: ModelSettings) -> None:
    """Refuse an encoder of which transformers would make up a part; a new head or pooler is what fine-tuning trains.

    Weights under other names (saved from torch.compile or DataParallel) and sizes that differ from config.json end
    here, where transformers only warns.
    """
    family = family_of(model.config)
    parts = tuple(f"{path}." for path in (family.encoder, *family.embeddings))
    mismatched = [name[0] if isinstance(name, tuple) else name for name in loaded["mismatched_keys"]]
    random = sorted(name for name in [*loaded["missing_keys"], *mismatched] if name.startswith(parts))
    if random:
        raise UserError(
            f"encoder weights are missing or of another size than config.json says: {', '.join(random[:3])}.",
            where=settings.name,
            todo="Save the model again with save_pretrained().",
        )


def check_tokenizer(tokenizer: Any, config: Any, settings: ModelSettings) -> None:
    """Refuse a tokenizer that does not belong to the model.

    Raises:
        UserError: it has ids that the embeddings do not have, or nothing to pad with.
    """
    largest = max(tokenizer.get_vocab().values())
    if largest >= config.vocab_size:
        raise UserError(
            f"the tokenizer has ids up to {largest}, the model has {config.vocab_size} embeddings.",
            where=settings.name,
            todo="Put the model's own tokenizer beside it.",
        )
    if tokenizer.pad_token_id is None:
        raise UserError("the tokenizer has no padding token.", where=settings.name, todo="Set pad_token and save it.")


def class_order(config: Any) -> tuple[str, ...]:
    """The class names of a trained classifier, by class number.

    Raises:
        UserError: classes without a name, with one name for two, or of which a text may have several.
    """
    where = str(getattr(config, "name_or_path", "") or "model")
    names = {int(index): str(name) for index, name in config.id2label.items()}
    if sorted(names) != list(range(config.num_labels)) or len(set(names.values())) < len(names):
        raise UserError(
            f"id2label has to name classes 0 to {config.num_labels - 1}, each with a name of its own.",
            where=where,
            todo="Mend id2label and label2id in its config.json.",
        )
    if config.problem_type not in (None, "single_label_classification"):
        raise UserError(f"this is a {config.problem_type} model; only one label a text is supported.", where=where)
    return tuple(names[index] for index in range(config.num_labels))


def fingerprint(settings: ModelSettings) -> str:
    """What identifies a model's content: hash of its files, or the hub's commit, once `pinned` has found it."""
    assert settings.name is not None
    if not is_folder(settings.name):
        return f"{settings.name}@{settings.revision}"
    digest = hashlib.sha256()
    for path in sorted(Path(settings.name).expanduser().iterdir()):
        # What mctl itself adds to a folder is not the model.
        if path.name in {MANIFEST, *REPORT_FILES}:
            continue
        if path.suffix in {".json", ".safetensors", ".txt", ".model"}:
            digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()


def _is_stock(loaded: Any) -> bool:
    """Whether transformers' own class was loaded: Python files that its folder names have no part in it, so that an
    artifact made of it, which does not hold them, must not name them."""
    return type(loaded).__module__.startswith("transformers.")


def _from_pretrained(loader: Any, settings: ModelSettings, **options: Any) -> Any:
    name = settings.name
    if not name:
        raise UserError("no model is named.", where="--model", todo="Give a hub id or a folder, or set [model] name.")
    folder = is_folder(name)
    path = str(Path(name).expanduser()) if folder else name
    if folder and not (Path(path) / "config.json").is_file():
        raise UserError(
            "there is no Transformers model here (config.json is missing).",
            where=path,
            todo="Name a folder that save_pretrained() wrote, or a hub id.",
        )
    try:
        return loader.from_pretrained(
            path,
            revision=settings.revision,
            trust_remote_code=settings.trust_remote_code,
            local_files_only=not folder and not hub_answers(),
            **options,
        )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise _explain(error, name, folder) from error


def _explain(error: Exception, name: str, folder: bool) -> UserError:
    text = " ".join(str(error).split()).rstrip(".")
    if "trust_remote_code" in text:
        return UserError(
            "the model brings Python code of its own.",
            where=name,
            todo="Read it, then allow it with --trust-remote-code.",
        )
    if isinstance(error, SafetensorError):
        return UserError(
            f"the weights are damaged: {text}.", where=name, todo="Copy model.safetensors again and compare its size."
        )
    if "safetensors" in text:
        return UserError(
            "its weights are not in safetensors, the one format that is read.",
            where=name,
            todo="Convert them with transformers' save_pretrained().",
        )
    if not folder:
        return UserError(f"the hub gave no such model: {text[:300]}.", where=name, todo=_OFFLINE)
    return UserError(f"the model cannot be loaded: {text[:300]}.", where=name, todo="Check the files of this folder.")
