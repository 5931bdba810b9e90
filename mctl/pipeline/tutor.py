"""The tutor: another classifier than the one that is compressed, for the student to learn from.

It needs the student's classes and nothing else in common: each text is tokenised by the tutor's own tokenizer, and
logits are compared class by class. Hidden states and attention relations are compared token by token, so for these the
tokenizers have to agree, and the hidden sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mctl.compression.families import family_of
from mctl.data.text import folded
from mctl.errors import UserError
from mctl.pipeline.inherit import max_length
from mctl.pipeline.loading import (
    check_tokenizer,
    class_order,
    fingerprint,
    load_classifier,
    load_config,
    load_tokenizer,
)
from mctl.pipeline.pinning import pinned
from mctl.pipeline.provenance import trained_on
from mctl.pipeline.shop import Shop
from mctl.pipeline.tokenizer_loss import check_loss
from mctl.recipe import CompressSettings, ModelSettings, Recipe

if TYPE_CHECKING:
    from mctl.compression.features import Watch
    from mctl.compression.teacher import Teacher

_LOGITS = "Learn from its logits alone, which needs none of this: --distill logits."


@dataclass(frozen=True)
class Tutor:
    """A classifier that `[compress] distill_from` names.

    Attributes:
        settings: where it is.
        fingerprint: of its content.
        classes: its number of each class of the student.
        layers: its layer for each layer of the student, evenly spaced; empty where logits alone are learnt.
        provenance: facts on what it was trained on, where mctl trained it.
    """

    settings: ModelSettings
    fingerprint: str
    classes: tuple[int, ...]
    layers: tuple[int, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {"name": self.settings.name, "revision": self.settings.revision, "fingerprint": self.fingerprint} | dict(
            self.provenance
        )


@dataclass(frozen=True)
class Asked:
    """A classifier that is ready to be asked.

    Attributes:
        teacher: the model, with its number of each class.
        tokenizer: its own.
        rows: the training texts, and altered copies of them, as its tokenizer reads them.
    """

    teacher: Teacher
    tokenizer: Any
    rows: Any


def tutor_settings(recipe: Recipe) -> ModelSettings | None:
    """Where the tutor of a recipe is, if it names one and anything is to be learnt.

    Raises:
        UserError: no classifier that mctl knows is there.
    """
    if recipe.compress.distill_from is None or not recipe.compress.distill:
        return None
    settings = ModelSettings(name=recipe.compress.distill_from, trust_remote_code=recipe.model.trust_remote_code)
    load_config(settings := pinned(settings))
    return settings


def find_tutor(recipe: Recipe, student: Any) -> Tutor | None:
    """The tutor of a recipe, if it has one.

    Args:
        student: configuration of the classifier that is compressed.

    Raises:
        UserError: it cannot be loaded, lacks a class, or has not the shape that the signals ask for.
    """
    settings = tutor_settings(recipe)
    if settings is None:
        return None
    config = load_config(settings)
    classes = _numbers(class_order(student), class_order(config), _where(settings))
    layers = _layers(recipe.compress, student, config)
    return Tutor(settings, fingerprint(settings), classes, layers, trained_on(settings))


def ask_tutor(shop: Shop, tutor: Tutor, student: Any, rows: Any, texts: Sequence[str], watch: Watch) -> Asked:
    """Load the tutor and have its tokenizer read the training texts.

    Args:
        student: the student's tokenizer.
        rows: the texts as the student's tokenizer reads them.
        watch: the tutor's features that are learnt from.

    Raises:
        UserError: it cannot be loaded; the two tokenizers differ and features are learnt from.
    """
    from mctl.compression.features import Watch
    from mctl.compression.teacher import Teacher
    from mctl.compression.texts import tokenized

    config, tokenizer = load_config(tutor.settings), load_tokenizer(tutor.settings)
    check_tokenizer(tokenizer, config, tutor.settings)
    check_loss(tokenizer, texts, tutor.settings, shop.progress, trained=True)
    length = min(max_length(shop.recipe), family_of(config).positions(config))
    own = tokenized(tokenizer, texts, None, length, shop.work).rows
    if watch != Watch() and not (tokenizer.pad_token_id == student.pad_token_id and _same_ids(own, rows)):
        raise UserError(
            "its tokenizer gives the training texts other ids than the student's, so that hidden states and relations "
            "belong to other tokens.",
            where=_where(tutor.settings),
            todo=_LOGITS,
        )
    model = load_classifier(tutor.settings).eval()
    _check_heads(model, watch, tutor)
    return Asked(Teacher(model, watch, classes=tutor.classes), tokenizer, own)


def _where(settings: ModelSettings) -> str:
    return f"--distill-from {settings.name}"


def _numbers(wanted: Sequence[str], known: Sequence[str], where: str) -> tuple[int, ...]:
    """The number in `known` of each name: equal to it, or else the only one that is equal regardless of case."""
    found = {}
    for name in wanted:
        exact = [number for number, other in enumerate(known) if other == name]
        alike = exact or [number for number, other in enumerate(known) if folded(other) == folded(name)]
        if len(alike) == 1:
            found[name] = alike[0]
    missing = [name for name in wanted if name not in found]
    if missing or len(set(found.values())) < len(found):
        raise UserError(
            f"it does not know these classes of the teacher: {', '.join(map(repr, missing or wanted))}.",
            where=where,
            todo=f"Name a classifier with all of them. It knows: {', '.join(map(repr, known[:50]))}.",
        )
    return tuple(found[name] for name in wanted)


def _layers(wanted: CompressSettings, student: Any, config: Any) -> tuple[int, ...]:
    """Its layer for each of the student's, where features are learnt from."""
    from mctl.compression.depth import evenly_spaced

    if wanted.distill == ("logits",):
        return ()
    where = f"--distill-from {wanted.distill_from}"
    if config.hidden_size != student.hidden_size:
        raise UserError(
            f"its hidden size is {config.hidden_size} and the student's is {student.hidden_size}, so that hidden "
            "states and relations cannot be compared.",
            where=where,
            todo=_LOGITS,
        )
    own = config.num_hidden_layers
    kept = min(wanted.layers or student.num_hidden_layers, student.num_hidden_layers)
    if own < kept:
        raise UserError(
            f"it has fewer layers ({own}) than the student ({kept}), so that not each has one to be compared with.",
            where=where,
            todo=_LOGITS,
        )
    return evenly_spaced(own, kept)


def _same_ids(rows: Any, others: Any) -> bool:
    """Whether two tokenizers gave all texts the same ids. Compared where they lie, on disk."""
    ids, other = (part.with_format("arrow")[:]["input_ids"] for part in (rows, others))
    return bool(ids.equals(other))


def _check_heads(model: Any, watch: Watch, tutor: Tutor) -> None:
    from mctl.compression.layout import layout_of

    if watch.relations is None:
        return
    layout = layout_of(model)
    if layout.heads[watch.relations] * layout.head_size != layout.hidden_size:
        raise UserError(
            "attention heads of it have been pruned, so that its relations cannot be compared.",
            where=_where(tutor.settings),
            todo="Learn from --distill logits or logits,hidden.",
        )
