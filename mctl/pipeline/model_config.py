"""The values of config.json that mctl and the models read: of the right type, possible, and not against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mctl.errors import UserError

_MEND = "Mend config.json, or copy it again from where the model came from."
# The first version of transformers 5 dropped them, and 4.57 has them for some families alone.
_POSITIONS = (
    "relative positions ({value!r}) are not supported: transformers 5 has none of them, and would compute other logits "
    "from the same weights."
)
_PROBLEMS = (None, "single_label_classification", "multi_label_classification", "regression")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, least: int = 1) -> bool:
    # No model is larger, and a slip of the keyboard must not fill the memory.
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= 100_000_000


def _activation(value: Any) -> bool:
    from transformers.activations import ACT2FN

    return isinstance(value, str) and value in ACT2FN


# What a classifier of whole texts does not have, and why it is refused. A value that is false or empty is fine.
_WITHOUT = {
    "is_decoder": "this is a decoder, in which a token does not see those after it; only encoders are compressed.",
    "add_cross_attention": "this model has cross-attention, which an encoder does not have.",
    "is_encoder_decoder": "this is an encoder with a decoder; only encoders are compressed.",
    "pruned_heads": "attention heads were pruned before{layers}, which transformers 5 cannot load.",
    "quantization_config": "its weights are quantised; training and stripping need them in fp32, fp16 or bf16.",
    "transformers_weights": "this names another file of weights; only model.safetensors is read.",
}
_WITHOUT_TODO = {
    "pruned_heads": "Name the model as it was before heads were pruned; mctl prunes and saves what is left itself.",
    "quantization_config": "Name the model as it was before quantisation; `mctl export --int8` quantises the result.",
}


def _class_number(value: Any) -> int | None:
    """A class number, which JSON writers write as a number or as text."""
    text = str(value)
    return int(text) if not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) < 9 else None


def _names_classes(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(_class_number(key) is not None and isinstance(name, str | int | float) for key, name in value.items())
    )


def _numbers_classes(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(_class_number(number) is not None for number in value.values())
    )


class _Rule(NamedTuple):
    """What one value has to be."""

    keys: tuple[str, ...]
    holds: Callable[[Any], bool]
    words: str


_RULES = (
    _Rule(
        ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
         "max_position_embeddings", "type_vocab_size", "embedding_size"),
        _whole,
        "a whole number above 0",
    ),
    _Rule(("chunk_size_feed_forward",), lambda value: _whole(value, 0), "a whole number"),
    _Rule(("pad_token_id",), lambda value: value is None or _whole(value, 0), "null or a whole number"),
    _Rule(("layer_norm_eps",), lambda value: _number(value) and 0 < value < 1, "a number between 0 and 1"),
    _Rule(("initializer_range",), lambda value: _number(value) and value >= 0, "a number, 0 or more"),
    _Rule(
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout",
         "seq_classif_dropout"),
        lambda value: _number(value) and 0 <= value <= 1,
        "a number from 0 to 1",
    ),
    _Rule(
        ("classifier_dropout",),
        lambda value: value is None or (_number(value) and 0 <= value <= 1),
        "null or a number from 0 to 1",
    ),
    _Rule(("hidden_act", "activation"), _activation, "the name of an activation that transformers has"),
    _Rule(("problem_type",), lambda value: value in _PROBLEMS, f"one of {', '.join(map(str, _PROBLEMS[1:]))}"),
    _Rule(
        ("id2label",),
        _names_classes,
        'an object that names each class by its number, such as {"0": "Health", "1": "Sports"}',
    ),
    _Rule(("num_labels",), _whole, "a whole number above 0"),
    _Rule(
        ("label2id",),
        _numbers_classes,
        'an object that numbers each class by its name, such as {"Health": 0, "Sports": 1}',
    ),
    _Rule(("architectures",), lambda value: value is None or isinstance(value, list), "a list of class names"),
    _Rule(("sinusoidal_pos_embds",), lambda value: isinstance(value, bool), "true or false"),
)  # fmt: skip


def check_values(content: dict[str, Any], own_names: Mapping[str, str], where: str) -> None:
    """Refuse what no model of the supported families can have.

    Args:
        content: config.json, of a family that mctl knows.
        own_names: what the family calls a value that others call by the usual name.
        where: the model, for the message.

    Raises:
        UserError: a value of a wrong type or range, values that contradict each other, or a kind of model that is not
            supported.
    """
    for key in _WITHOUT.keys() & content.keys():
        if value := content[key]:
            layers = f" in layers {', '.join(sorted(value)[:8])}" if isinstance(value, dict) else ""
            raise UserError(
                f"config.json: {key}: {_WITHOUT[key].format(layers=layers)}",
                where=where,
                todo=_WITHOUT_TODO.get(key, "Name another model."),
            )
    position = content.get("position_embedding_type")
    if position not in (None, "absolute"):
        raise UserError(f"config.json: {_POSITIONS.format(value=position)}", where=where, todo="Name another model.")
    for rule in _RULES:
        for key in (*rule.keys, *(own_names[name] for name in rule.keys if name in own_names)):
            if key in content and not rule.holds(content[key]):
                raise UserError(
                    f"config.json: {key} has to be {rule.words}, and is {_shown(content[key])}.",
                    where=where,
                    todo=_MEND,
                )
    if "compact_layout" in content:
        _check_layout(content, where)


def check_sizes(config: Any, content: dict[str, Any], where: str) -> None:
    """Refuse sizes that do not go together.

    Args:
        config: the configuration that transformers made of `content`.

    Raises:
        UserError: one size under two names that differ, heads that do not divide the hidden size, a padding id without
            an embedding, another number of classes than of names.
    """
    for name, own in config.attribute_map.items():
        if name in content and own in content and content[name] != content[own]:
            raise UserError(
                f"config.json: {name} is {_shown(content[name])} and {own}, which means the same, is "
                f"{_shown(content[own])}.",
                where=where,
                todo=_MEND,
            )
    hidden, heads = config.hidden_size, config.num_attention_heads
    if hidden % heads:
        raise UserError(
            f"config.json: hidden_size {hidden} is no multiple of num_attention_heads {heads}.", where=where, todo=_MEND
        )
    if config.pad_token_id is not None and config.pad_token_id >= config.vocab_size:
        raise UserError(
            f"config.json: pad_token_id {config.pad_token_id} is not below vocab_size {config.vocab_size}.",
            where=where,
            todo=_MEND,
        )
    names, number = content.get("id2label"), content.get("num_labels")
    if names is not None and number is not None and len(names) != number:
        raise UserError(
            f"config.json: num_labels is {number} and id2label names {len(names)} classes.", where=where, todo=_MEND
        )


def check_names(config: Any, where: str) -> None:
    """Refuse `label2id` that numbers the classes otherwise than `id2label`.

    transformers' own filler, LABEL_0, LABEL_1 and so on, says nothing and is passed over.

    Raises:
        UserError: it names both numbers of a class.
    """
    numbers = {str(name): _class_number(number) for name, number in (config.label2id or {}).items()}
    if all(name == f"LABEL_{number}" for name, number in numbers.items()):
        return
    names = {int(number): str(name) for number, name in config.id2label.items()}
    for number, name in sorted(names.items()):
        if numbers.get(name) != number:
            other = "does not name it" if name not in numbers else f"says that it is {numbers[name]}"
            _contradiction(f"id2label says that class {number} is {name!r}, and label2id {other}", where)
    for name in numbers.keys() - set(names.values()):
        _contradiction(f"label2id says that class {numbers[name]} is {name!r}, and id2label does not", where)


def _contradiction(what: str, where: str) -> None:
    raise UserError(
        f"config.json: {what}.",
        where=where,
        todo="Find out which of the two the training used, and write the other one after it in config.json.",
    )


def _check_layout(content: dict[str, Any], where: str) -> None:
    """What mctl itself writes: sizes of each layer."""
    layout = content["compact_layout"]
    if layout is None:
        return
    sizes: Iterable[Any] = layout.values() if isinstance(layout, dict) else ()
    layers = content.get("num_hidden_layers", content.get("n_layers"))
    lists = [size for size in sizes if isinstance(size, list) and len(size) == layers and all(map(_whole, size))]
    if not isinstance(layout, dict) or set(layout) != {"heads", "ffn"} or len(lists) < len(layout):
        raise UserError(
            f"config.json: compact_layout has to hold heads and ffn, a whole number for each of {layers} layers.",
            where=where,
            todo="Make the artifact again.",
        )


def _shown(value: Any) -> str:
    """A value as JSON would show it, cut."""
    text = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else repr(value)
    return str(text)[:80]
