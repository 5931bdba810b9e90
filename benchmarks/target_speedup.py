"""Does `--target-speedup X` end X times as fast, and what does it take?

    python benchmarks/target_speedup.py ENCODER [--targets 1.5 2.0 3.0] [--at 8x32] [--scores random|magnitude]

No training: scores are random, or the magnitudes of the encoder's weights. All else is what `mctl compress` does: the
table is measured, the budget chooses the units, the masked model is stripped, exported and timed beside the exported
dense one, call by call in turn, and the goal is moved until the speed-up is near. Bound: within 10 %.

"table" is the speed-up that the table predicts for the first layout, "first" the measured one; "ended at" is the
measured one of the last layout with its 95 % interval. "wall" is that layout again, by the clock on the wall: with one
thread the others count the processor's time, which is what an idle machine would take.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from mctl.compression.counted import LatencyBudget, UnreachableLatencyError
from mctl.compression.families import family_of
from mctl.compression.layout import Layout, layout_of
from mctl.compression.methods import rescoring
from mctl.compression.movement import attach_masks
from mctl.pipeline.latency_table import Measured, measure_table, shaped
from mctl.pipeline.settle import PROMISED, adjust
from mctl.pipeline.target import Aim
from mctl.pipeline.timing import Place, exported_runner, full_batch
from mctl.progress import Silent
from mctl.validators.latency import measure, speedup

NAMES = ("input_ids", "attention_mask", "token_type_ids")
WALL_ROUNDS = 40


def classifier(encoder: Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=12).eval()


def settled(encoder: Path, aim: Aim, dense: Any, scores: str, folder: Path) -> dict[str, Any]:
    """What `mctl compress` would record of the target, for scores that nothing was learnt from."""
    model = classifier(encoder)
    family = family_of(model.config)
    torch.manual_seed(0)
    masks = attach_masks(model, family, layout_of(model).head_size)
    rescore = rescoring(scores, model, family, masks)
    if rescore is not None:
        rescore()
    return adjust(aim, model, masks, dense, folder, Silent())


def wall(config: Any, facts: dict[str, Any], dense: Any, place: Place, folder: Path) -> float:
    """The speed-up by the clock on the wall."""
    model = shaped(config, facts["layout"]["heads"], facts["layout"]["ffn"])
    runners = {"teacher": dense, "student": exported_runner(model, NAMES, folder, place)}
    batch = full_batch(place, NAMES, model.config.vocab_size)
    timed = measure(runners, [batch], warmup=2, repeats=WALL_ROUNDS)
    return speedup(timed["teacher"], timed["student"]).value


def print_table(measured: Measured, place: Place) -> None:
    print(f"{place}; {measured.rounds} rounds, {place.clock} time\n")
    print("| heads, rows of every layer | ms | upper / lower quartile | table off by |\n|---|---|---|---|")
    for point in measured.as_dict()["points"]:
        print(
            f"| {point['heads']}, {point['rows']} | {point['us'] / 1e3:.2f} | {point['spread']:.3f} | "
            f"{100 * point['error']:+.1f} % |"
        )


def row(asked: float, facts: dict[str, Any], before: Layout, wall_value: float) -> str:
    first, ratio = facts["attempts"][0], facts["speedup"]
    heads, rows = facts["layout"]["heads"], facts["layout"]["ffn"]
    after = Layout(tuple(heads), tuple(rows), before.head_size, before.hidden_size)
    table_error, off = first["predicted"] / first["speedup"]["value"] - 1, ratio["value"] / asked - 1
    return (
        f"| {asked:g} | {first['predicted']:.2f} | {first['speedup']['value']:.2f} | {100 * table_error:+.1f} % | "
        f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f}) | {100 * off:+.1f} % | "
        f"{wall_value:.2f} | {len(facts['attempts'])} | {after.removed_percent(before):.1f} | "
        f"{sum(heads)} of {sum(before.heads)} | {sum(rows)} of {sum(before.ffn)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--targets", type=float, nargs="+", default=[1.5, 2.0, 3.0])
    parser.add_argument("--at", default="8x32")
    parser.add_argument("--scores", choices=("random", "magnitude"), default="magnitude")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tile", type=int, default=32)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    texts, tokens = map(int, arguments.at.split("x"))
    place = Place("cpu", texts, tokens, arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "timing"
        teacher = classifier(arguments.encoder)
        config, before = teacher.config, layout_of(teacher)
        dense = exported_runner(teacher, NAMES, folder, place)
        del teacher
        measured = measure_table(config, before, before, NAMES, arguments.tile, place, folder, Silent())
        print_table(measured, place)
        print(f"\n{arguments.scores} scores\n")
        print(
            "| asked | table | first | table off by | ended at (95 %) | off by | wall | "
            "exports | removed, % | heads | FFN rows |\n|---|---|---|---|---|---|---|---|---|---|---|"
        )
        worst = 0.0
        for asked in arguments.targets:
            try:
                budget = LatencyBudget.of(measured.table, before, measured.teacher_us / asked, arguments.tile)
            except UnreachableLatencyError as error:
                best = measured.teacher_us / error.best_us
                print(f"| {asked:g} | best {best:.2f} at {error.best_level_percent:.1f} % removed |" + " |" * 9)
                continue
            aim = Aim(asked, place, NAMES, budget, measured.as_dict())
            facts = settled(arguments.encoder, aim, dense, arguments.scores, folder)
            worst = max(worst, abs(facts["speedup"]["value"] / asked - 1))
            print(row(asked, facts, before, wall(config, facts, dense, place, folder)), flush=True)
    print(f"\nworst {100 * worst:.1f} %; bound {100 * PROMISED:.0f} %: {'met' if worst <= PROMISED else 'missed'}")


if __name__ == "__main__":
    main()
