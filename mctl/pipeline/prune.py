"""From the student to its stripped form: train under masks that grow, then take away what they hide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mctl.artifact import write_atomically
from mctl.pipeline.finetune import freeze_embeddings
from mctl.pipeline.settle import settle
from mctl.pipeline.shop import Shop
from mctl.pipeline.student import Student
from mctl.pipeline.target import rounded, take_aim
from mctl.processes import by_main, wait

# The order of units settles within some hundred texts; small batches, since what is averaged is a square.
_FISHER_TEXTS, _FISHER_BATCH = 320, 8


def prune(shop: Shop, student: Student) -> dict[str, Any]:
    """Train under masks, strip, and leave the stripped model in the work folder; or find it there.

    Returns:
        What pruning did: masked and removed percent, the units that stayed, the largest logit difference.
    """
    done = shop.work / "stripped" / "pruning.json"
    there = done.exists()
    wait()  # The main process may write it only when all have looked.
    if there:
        shop.progress.say("resuming after the strip.")
    else:
        pruned, model = _masked_then_stripped(shop, student) if shop.recipe.compress.prune else _unpruned(student)

        def save() -> None:
            model.save_pretrained(done.parent)
            write_atomically(done, json.dumps(pruned).encode())

        by_main(save)
    return dict(json.loads(done.read_text()))


def _unpruned(student: Student) -> tuple[dict[str, Any], Any]:
    """All units in a compact model, so that everything after it is the same."""
    from mctl.compression.strip import all_units, strip

    kept = all_units(student.model)
    facts = {"masked_percent": 0.0, "removed_percent": 0.0, "strip_max_abs_logit_diff": 0.0}
    return facts | {"kept_heads": kept.heads, "kept_rows": kept.rows}, strip(student.model, kept)


def _masked_then_stripped(shop: Shop, student: Student) -> tuple[dict[str, Any], Any]:
    from transformers import set_seed

    from mctl.compression.families import family_of
    from mctl.compression.layout import layout_of
    from mctl.compression.methods import rescoring
    from mctl.compression.movement import attach_masks
    from mctl.compression.phase import Phase, Pruning
    from mctl.compression.stripping import strip_masked
    from mctl.compression.trainer import train

    settings, model = shop.recipe.compress, student.model
    freeze_embeddings(model, settings.freeze_embeddings)
    set_seed(settings.seed)  # Scores start at a random tie-break.
    family = family_of(model.config)
    aim = None if settings.target_speedup is None else take_aim(shop, model, student.tokenizer)
    masks = attach_masks(model, family, layout_of(model).head_size, settings.structure, settings.block)
    rescore = rescoring(settings.method, model, family, masks)
    if settings.method == "movement" and settings.score_start == "fisher":
        _start_from_fisher(shop, student, masks)
    budget = rounded(masks.groups, settings, shop.progress) if aim is None else aim.budget
    level = settings.prune / 100 if aim is None else 1.0
    pruning = Pruning(masks, level, settings.score_learning_rate, budget, rescore)
    phase = Phase("prune", shop.work / "ramp", settings.ramp_epochs, decay=False)
    train(
        model,
        student.tokenizer,
        student.splits,
        settings,
        phase,
        teaching=student.teaching,
        pruning=pruning,
        progress=shop.progress,
    )
    target = {} if aim is None else {"target": settle(shop, aim, model, masks)}
    result = strip_masked(model, masks, student.splits["dev"], student.tokenizer)
    shop.progress.say(
        f"stripped: {result.removed_percent:.2f} % of the encoder's weights are gone "
        f"({result.masked_percent:.2f} % were masked); logits differ by at most {result.max_abs_logit_diff:.1e}"
    )
    return result.as_dict() | target, result.model


def _start_from_fisher(shop: Shop, student: Student, masks: Any) -> None:
    """Fisher information of the units on some training texts, chosen by the seed."""
    import torch

    from mctl.compression.batches import Collator
    from mctl.compression.sensitivity import start_from_fisher

    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows, collate = student.splits["train"], Collator(student.tokenizer)
    generator = torch.Generator().manual_seed(shop.recipe.compress.seed)
    chosen = torch.randperm(len(rows), generator=generator)[:_FISHER_TEXTS].tolist()
    pieces = [chosen[first : first + _FISHER_BATCH] for first in range(0, len(chosen), _FISHER_BATCH)]

    def batches() -> Iterator[dict[str, Any]]:
        for number, piece in enumerate(pieces):
            shop.progress.advance(number)
            yield {name: x.to(device) for name, x in collate([rows[i] for i in piece]).items()}

    shop.progress.start("Fisher information", len(pieces))
    try:
        start_from_fisher(student.model.to(device).eval(), masks, batches())
        shop.progress.advance(len(pieces))
    finally:
        shop.progress.finish()
