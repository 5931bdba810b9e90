"""After the ramp of `--target-speedup`: strip, export, time beside the teacher, and move the goal until it is met."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.pipeline.loading import load_classifier
from mctl.pipeline.scoring import Runner
from mctl.pipeline.shop import Shop
from mctl.pipeline.target import Aim, once
from mctl.pipeline.timing import exported_runner, full_batch, timed
from mctl.progress import Progress

if TYPE_CHECKING:
    from mctl.compression.masks import Masks

# What is promised, and what is tried for, as shares of the speed-up that was asked for.
PROMISED, _CLOSE = 0.10, 0.04
_ATTEMPTS = 4


def settle(shop: Shop, aim: Aim, model: Any, masks: Masks) -> dict[str, Any]:
    """Set the masks so that the export of what they leave is as fast as asked, or find in the work folder how.

    Args:
        model: the student under its masks, as the ramp left it; ends on the CPU.
        masks: its masks; set anew.

    Returns:
        For the manifest: what was asked, what was reached with its interval, how, and the table.
    """
    model.cpu().eval()
    masks.to("cpu")

    def settled() -> dict[str, Any]:
        folder = shop.work / "timing"
        teacher = exported_runner(load_classifier(shop.teacher).eval(), aim.names, folder, aim.place)
        return adjust(aim, model, masks, teacher, folder, shop.progress)

    facts = once(shop.work / "settled.json", settled)
    _aim_at(aim, masks, facts["goal_us"])
    return facts


def adjust(aim: Aim, model: Any, masks: Masks, teacher: Runner, folder: Path, progress: Progress) -> dict[str, Any]:
    """Strip, export and time what the masks leave, and move the goal until the speed-up is met.

    Args:
        model: under `masks`, on the CPU.
        teacher: its export.
        folder: for one export at a time; removed.

    Returns:
        For the manifest, as `settle` says.
    """
    from mctl.compression.layout import layout_of

    goal_us, attempts = aim.budget.goal_us, list[dict[str, Any]]()
    while len(attempts) < _ATTEMPTS:
        goal_us = _aim_at(aim, masks, goal_us)
        candidate = _stripped(model)
        if any(attempt["layout"] == layout_of(candidate).as_dict() for attempt in attempts):
            break  # Nothing lies between: all units stay, or the fewest, or a step is too long.
        attempts.append(_attempt(aim, candidate, teacher, folder, progress) | {"goal_us": goal_us})
        reached = attempts[-1]["speedup"]["value"]
        progress.say(f"exported, it is {reached:.2f} times as fast as the teacher; {aim.speedup:g} was asked for")
        if abs(reached / aim.speedup - 1) <= _CLOSE:
            break
        goal_us *= reached / aim.speedup
    best = min(attempts, key=lambda attempt: abs(attempt["speedup"]["value"] / aim.speedup - 1))
    _aim_at(aim, masks, best["goal_us"])
    return _facts(aim, best, attempts, progress)


def _facts(aim: Aim, best: dict[str, Any], attempts: list[dict[str, Any]], progress: Progress) -> dict[str, Any]:
    met = abs(best["speedup"]["value"] / aim.speedup - 1) <= PROMISED
    if not met:
        progress.say(f"no layout came within {100 * PROMISED:.0f} % of {aim.speedup:g}; this one is the closest")
    return {
        "asked": aim.speedup,
        "met": met,
        **best,
        "attempts": attempts,
        "place": asdict(aim.place) | {"runtime": "onnxruntime", "clock": aim.place.clock},
        "tile": aim.budget.tile,
        "latency": aim.facts,
    }


def _aim_at(aim: Aim, masks: Masks, goal_us: float) -> float:
    """Set the masks for a goal; the goal that was set, which is the nearest that a layout reaches."""
    budget = aim.budget.towards(goal_us)
    masks.set(budget.kept(masks.groups, 1.0))
    return budget.goal_us


def _stripped(model: Any) -> Any:
    """What the masks leave of a model, as a model of its own."""
    import copy

    from mctl.compression.families import family_of
    from mctl.compression.movement import bake_masks
    from mctl.compression.strip import live_units, strip

    copied = copy.deepcopy(model)
    bake_masks(copied, family_of(copied.config))
    return strip(copied, live_units(copied))


def _attempt(aim: Aim, candidate: Any, teacher: Runner, folder: Path, progress: Progress) -> dict[str, Any]:
    from mctl.compression.layout import layout_of
    from mctl.validators.latency import speedup

    runners = {"teacher": teacher, "student": exported_runner(candidate, aim.names, folder, aim.place)}
    batch = full_batch(aim.place, aim.names, int(candidate.config.vocab_size))
    results = timed(runners, batch, aim.place, progress, "measure the speed-up")
    layout = layout_of(candidate)
    return {
        "speedup": asdict(speedup(results["teacher"], results["student"])),
        "p50_ms": {name: result.p50_ms for name, result in results.items()},
        "rounds": results["student"].samples,
        "predicted": aim.facts["teacher_us"] / aim.budget.table.model_us(layout.heads, layout.ffn),
        "layout": layout.as_dict(),
    }
