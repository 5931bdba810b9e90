"""Models and tokenizers from folders and the hub, with errors that a user can act on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mctl.artifact import MANIFEST, sha256_of
from mctl.compression.families import family_of
from mctl.compression.registration import register
from mctl.errors import UserError
from mctl.ownership import REPORT_FILES
from mctl.pipeline.model_config import check_names, check_sizes, check_values
from mctl.pipeline.model_files import CONFIG, file_of, is_folder, loading, read_json, source_of, stored_tensors
from mctl.pipeline.saving import NEW_CLASS
from mctl.pipeline.weights import check_classifier, check_encoder, check_finite, check_tables
from mctl.recipe import ModelSettings

_PROBE = "a b"
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")


def load_config(settings: ModelSettings) -> Any:
    """The configuration of a model that mctl can prune.

    Raises:
        UserError: no such folder or hub id, an unreachable hub, an architecture that cannot be pruned, a value in
            config.json that no such model can have.
    """
    from transformers import AutoConfig

    register()
    source = source_of(settings)
    path = file_of(settings, CONFIG)
    where = str(settings.name)
    content = {} if path is None else read_json(path, where)
    own_names = _own_names(content.get("model_type"))
    if own_names is not None:
        check_values(content, own_names, where)
    with loading(settings, CONFIG):
        config = AutoConfig.from_pretrained(**source, trust_remote_code=settings.trust_remote_code)
    try:
        family_of(config)
    except UserError as error:
        raise UserError(error.what, where=settings.name, todo=error.todo) from error
    if own_names is not None:
        check_sizes(config, content, where)
    return config


def _own_names(model_type: Any) -> dict[str, str] | None:
    """What the family of a config.json calls the usual values; None where mctl does not know it."""
    from mctl.compression.modeling_compact import MODELS

    model = MODELS.get(model_type.removeprefix("mctl-")) if isinstance(model_type, str) else None
    return None if model is None else model.config_class.attribute_map


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

    config = load_config(settings)
    missing = UserError(
        "there is no tokenizer with this model.",
        where=settings.name,
        todo="Put tokenizer.json (or vocab.txt) and tokenizer_config.json beside its config.json.",
    )
    loader, options = _for_this_version(AutoTokenizer, settings)
    with loading(settings, "the tokenizer"):
        try:
            tokenizer = loader.from_pretrained(
                **source_of(settings), trust_remote_code=settings.trust_remote_code, **options
            )
        except TypeError as error:
            # transformers 4 takes a name that it has not found for the path of a file.
            if any(file_of(settings, name) for name in _TOKENIZER_FILES):
                raise
            raise missing from error
    # Where its files are missing, transformers 5 makes a tokenizer that knows special tokens alone.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise missing
    if _is_stock(tokenizer):
        tokenizer.init_kwargs.pop("auto_map", None)
    with loading(settings, "the tokenizer"):
        _narrow(tokenizer, family_of(config).inputs())
        # What its settings break shows when it reads a text, and not before.
        tokenizer([_PROBE])
        tokenizer([_PROBE, _PROBE * 2], padding=tokenizer.pad_token_id is not None, truncation=True, max_length=8)
    return tokenizer


def _for_this_version(usual: Any, settings: ModelSettings) -> tuple[Any, dict[str, Any]]:
    """The class that loads a tokenizer, and options: transformers 4 does not know all that transformers 5 writes.

    Args:
        usual: transformers' AutoTokenizer.
    """
    from transformers import PreTrainedTokenizerFast, __version__

    path = file_of(settings, "tokenizer_config.json")
    if path is None or int(__version__.partition(".")[0]) >= 5:
        return usual, {}
    content = read_json(path, str(settings.name))
    extra = content.get("extra_special_tokens")
    options = {"extra_special_tokens": {}, "additional_special_tokens": extra} if isinstance(extra, list) else {}
    return PreTrainedTokenizerFast if content.get("tokenizer_class") == NEW_CLASS else usual, options


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
        class_names: name the classes so, in this order. A head of another number of classes is begun anew; one of the
            same number is trained on. None: the head as it was trained, which has to be there.

    Raises:
        UserError: as `load_config`, and weights that are missing or not safetensors.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    config = load_config(settings)
    if class_names is not None:
        config.id2label = dict(enumerate(class_names))
        config.label2id = {name: index for index, name in enumerate(class_names)}
        config.problem_type = "single_label_classification"
    # Only logits are wanted: hidden states and attentions of a whole split would fill the memory. The caller reads
    # them by name.
    config.output_hidden_states = config.output_attentions = config.torchscript = False
    config.return_dict = True
    stored = stored_tensors(settings)
    check_tables(config, stored, settings)
    with loading(settings, "the model"), torch.random.fork_rng(devices=[]), torch.device("meta"):
        skeleton = AutoModelForSequenceClassification.from_config(
            config, trust_remote_code=settings.trust_remote_code, dtype=torch.float32
        )
    (check_classifier if class_names is None else check_encoder)(skeleton, stored, settings)
    with loading(settings, "the model"):
        model, loaded = AutoModelForSequenceClassification.from_pretrained(
            **source_of(settings),
            config=config,
            trust_remote_code=settings.trust_remote_code,
            output_loading_info=True,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=class_names is not None,
        )
    _check_loaded(skeleton, model, loaded, settings, whole=class_names is None)
    check_finite(model, settings)
    if _is_stock(model) and hasattr(model.config, "auto_map"):
        del model.config.auto_map
    return model


def _check_loaded(skeleton: Any, model: Any, loaded: Any, settings: ModelSettings, *, whole: bool) -> None:
    """Refuse a model that transformers loaded otherwise than its files and config.json say.

    The names were held against each other before. This is for versions of transformers that rename or resize more than
    is known here.
    """
    family = family_of(model.config)
    parts = ("",) if whole else tuple(f"{path}." for path in (family.encoder, *family.embeddings))
    differing = [name[0] if isinstance(name, tuple) else name for name in loaded["mismatched_keys"]]
    random = sorted(name for name in [*loaded["missing_keys"], *differing] if name.startswith(parts))
    expected = {name: value.shape for name, value in skeleton.state_dict().items()}
    other = [name for name, value in model.state_dict().items() if expected.get(name) != value.shape]
    if random or other:
        raise UserError(
            f"transformers does not load these weights as they are stored: {', '.join([*random, *other][:3])}.",
            where=settings.name,
            todo="Save the model again with save_pretrained().",
        )


def check_tokenizer(tokenizer: Any, config: Any, settings: ModelSettings) -> None:
    """Refuse a tokenizer that does not belong to the model.

    Raises:
        UserError: it has ids or token types that the embeddings do not have, or nothing to pad with.
    """
    largest = max(tokenizer.get_vocab().values())
    if largest >= config.vocab_size:
        raise UserError(
            f"the tokenizer has ids up to {largest}, the model has {config.vocab_size} embeddings.",
            where=settings.name,
            todo="Put the model's own tokenizer beside it.",
        )
    types = max(tokenizer([_PROBE]).get("token_type_ids", [[0]])[0], default=0)
    if types >= getattr(config, "type_vocab_size", types + 1):
        raise UserError(
            f"the tokenizer gives token type {types}, the model has {config.type_vocab_size} types.",
            where=settings.name,
            todo="Mend post_processor in its tokenizer.json, or save the tokenizer again.",
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
    check_names(config, where)
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
