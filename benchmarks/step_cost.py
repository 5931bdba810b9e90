"""What masks cost a training step, and what a step on the stripped model saves.

    python benchmarks/step_cost.py ENCODER [--rounds 20] [--shapes 32x32 8x128] [--levels 25 50 75 90] [--device cuda]

Real steps: forward, loss, backward, clipping, AdamW; under masks also their making. First every step in turn,
round after round, on the same batch: plain fine-tuning; mctl's masks on units, on units as a level is held in the end
("in tiles": FFN widths are rounded too), and on blocks; and stock nn_pruning's masked linears on heads and FFN rows.
Then, for every level, masked steps and steps on the stripped model in turn. CPU time, since a shared machine's clock on
the wall says more about its neighbours; of a GPU the time on the wall until the device is done. Ratios of medians over
paired rounds with a bootstrap interval.

Counted in one more step, with masks applied as on a GPU: operations that are no views, each of which Python has to
launch; and host synchronisations: values fetched (`item`, comparisons in Python) and shapes that depend on values
(`nonzero`, indexing by a mask).

Bound: units at most 1.05 times a plain step.
"""

from __future__ import annotations

import argparse
import copy
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForSequenceClassification

from mctl.compression.budget import Budget, UnitBudget
from mctl.compression.counted import RoundedBudget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masks import Masks
from mctl.compression.movement import ROLES, attach_masks, bake_masks, masked_nn
from mctl.compression.optimizer import adamw
from mctl.compression.schedule import CubicSchedule
from mctl.compression.strip import live_units, strip
from mctl.compression.teacher import task_loss
from mctl.validators.statistics import ratio_of_medians

BOUND = 1.05
LEVEL = 0.5
TILES = {"cpu": 32, "cuda": 64}
CLASSES = 12
CLIP = 1.0
LEARNING_RATES = {"learning_rate": 5e-5, "score_learning_rate": 1e-2, "weight_decay": 0.01}
_VIEWS = {
    *("aten::alias", "aten::as_strided", "aten::detach", "aten::expand", "aten::lift_fresh", "aten::permute"),
    *("aten::select", "aten::slice", "aten::split", "aten::split_with_sizes", "aten::squeeze", "aten::t"),
    *("aten::transpose", "aten::unbind", "aten::unsqueeze", "aten::view", "aten::_unsafe_view"),
}
_FETCHES = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}


@dataclass
class Contender:
    """A model, and what a step of its training does before the forward pass and around it.

    Attributes:
        before: given the number of the step.
        seconds: time of each step.
    """

    name: str
    model: Any
    optimizer: torch.optim.Optimizer
    before: Callable[[int], None] = lambda step: None
    around: Callable[[bool | None], AbstractContextManager[None]] = nullcontext
    seconds: list[float] = field(default_factory=list)

    def step(
        self, number: int, inputs: dict[str, torch.Tensor], labels: torch.Tensor, stacked: bool | None = None
    ) -> None:
        """One step of training; `stacked`: as `Masks.one_pass` takes it."""
        self.before(number)
        with self.around(stacked):
            logits = self.model(**inputs).logits
        task_loss(logits, labels).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def timed(self, number: int, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> None:
        """One step."""
        on_gpu = labels.is_cuda
        started = _now(on_gpu)
        self.step(number, inputs, labels)
        self.seconds.append(_now(on_gpu) - started)


def _now(on_gpu: bool) -> float:
    """Processor time; of a GPU the time on the wall, when it has done what it was given."""
    if not on_gpu:
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def replica(model: Any) -> Any:
    """A copy that shares the embeddings, which do not learn."""
    frozen = {id(p): p for p in model.parameters() if not p.requires_grad}
    return copy.deepcopy(model, frozen).train()


def plain(model: Any) -> Contender:
    return Contender("plain", model, adamw(model, [], **LEARNING_RATES))


def masked(model: Any, structure: str, level: Callable[[int], float], tile: int = 1) -> tuple[Contender, Masks]:
    """mctl's masks, set before every step and applied as its trainer does.

    Args:
        tile: FFN widths are multiples of it; `level` is then one that is held.
    """
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure)
    budget: UnitBudget = Budget.of(masks.groups)
    if tile > 1:
        budget = RoundedBudget.of(masks.groups, tile, level(0))

    def set_masks(step: int) -> None:
        masks.set(budget.kept(masks.groups, level(step)))

    optimizer = adamw(model, masks.parameters(), **LEARNING_RATES)
    name = f"mctl, {structure}" + (" in tiles" if tile > 1 else "")
    return Contender(name, model, optimizer, set_masks, masks.one_pass), masks


def stock(model: Any) -> Contender:
    """nn_pruning's masked linears on the same places: query, key and value by heads, both FFN matrices by rows."""
    from nn_pruning.model_structure import ModelStructure
    from nn_pruning.training_patcher import ModelDispatchingPatcher, PatcherContext

    family, head_size = family_of(model.config), layout_of(model).head_size
    names = {role: family.names[role] for role in ROLES}
    structure = type("Structure", (ModelStructure,), {"LAYER_PATTERNS": names})
    context = PatcherContext()

    def settings(submethod: str, rows: int, columns: int) -> Any:
        options = {"ampere_method": "disabled", "min_elements": 0.005, "bias_mask": True}
        options |= {"method": "sigmoied_threshold", "submethod": submethod}
        return masked_nn.LinearPruningArgs(block_rows=rows, block_cols=columns, **options)

    heads = settings("default", head_size, model.config.hidden_size)
    by_head = masked_nn.JointPruningModulePatcher(context, heads, structure, suffix="attention")
    by_row = masked_nn.ChannelPruningModulePatcher(context, settings("1d_alt", 1, 1), structure, suffix="dense")
    patcher = ModelDispatchingPatcher()
    for role in ("query", "key", "value", "ffn_in", "ffn_out"):
        pattern = rf"{re.escape(family.encoder)}\.[0-9]+\.{re.escape(family.names[role])}$"
        patcher.add_patcher(pattern, by_row if role.startswith("ffn") else by_head)
    patcher.patch(model)
    model.to(model.device)
    scores = [parameter for name, parameter in model.named_parameters() if name.endswith("mask_scores")]
    assert len(scores) == 2 * model.config.num_hidden_layers
    optimizer = adamw(model, scores, **LEARNING_RATES)
    return Contender("nn_pruning", model, optimizer, lambda step: context.set_context_data("threshold", 0.1))


class Counts(TorchDispatchMode):
    """Counts operations that compute, and those that make the host wait for a device.

    Attributes:
        operations: on a GPU, at least one launch each.
        waits: of the host.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.waits = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition(".")[0]
        by_mask = name == "aten::index" and any(x is not None and x.dtype == torch.bool for x in args[1])
        self.operations += name not in _VIEWS
        self.waits += by_mask or name in _FETCHES
        return func(*args, **(kwargs or {}))


@contextmanager
def masks_made() -> Iterator[list[int]]:
    """Numbers in every mask that is made, mctl's or nn_pruning's."""
    made: list[int] = []
    ours, theirs = Masks.set, masked_nn.MaskModule.forward

    def set_and_note(masks: Masks, kept: torch.Tensor) -> None:
        ours(masks, kept)
        made.append(kept.numel())

    def make_and_note(module: Any, weight: torch.Tensor, threshold: float) -> Any:
        mask = theirs(module, weight, threshold)
        made.append(mask.numel())
        return mask

    with (
        mock.patch.object(Masks, "set", set_and_note),
        mock.patch.object(masked_nn.MaskModule, "forward", make_and_note),
    ):
        yield made


def batch_of(shape: str, device: torch.device) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Random ids of the first thousand tokens, no padding, and labels."""
    texts, tokens = map(int, shape.split("x"))
    ids = torch.randint(10, 1000, (texts, tokens)).to(device)
    labels = torch.randint(0, CLASSES, (texts,)).to(device)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, labels


def take_turns(contenders: list[Contender], rounds: int, shape: str) -> None:
    """Every contender one step a round, each round beginning with another one; two rounds before the clock counts."""
    inputs, labels = batch_of(shape, contenders[0].model.device)
    for number in range(rounds + 2):
        if number == 2:
            for contender in contenders:
                contender.seconds.clear()
        first = number % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            contender.timed(number, inputs, labels)


def ratio(ours: Contender, to: Contender) -> str:
    found = ratio_of_medians(ours.seconds, to.seconds)
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def cost_of_masks(model: Any, rounds: int, shape: str) -> bool:
    """Print a table of all contenders; whether units are within the bound."""
    ramp = CubicSchedule(LEVEL, 0, rounds + 2)
    contenders = [
        plain(replica(model)),
        masked(replica(model), "units", ramp.level)[0],
        masked(replica(model), "units", lambda step: LEVEL, TILES[model.device.type])[0],
        masked(replica(model), "blocks", ramp.level)[0],
        stock(replica(model)),
    ]
    take_turns(contenders, rounds, shape)
    print(f"\n{shape}, {rounds} rounds\n")
    print("| step | time, median | of a plain step | operations | waits of the host | masks made | numbers in them |")
    print("|---|---|---|---|---|---|---|")
    for contender in contenders:
        with Counts() as counts, masks_made() as made:
            contender.step(rounds, *batch_of(shape, model.device), stacked=True)
        median = sorted(contender.seconds)[rounds // 2]
        print(
            f"| {contender.name} | {1000 * median:.1f} ms | {ratio(contender, contenders[0])} | "
            f"{counts.operations} | {counts.waits} | {len(made)} | {sum(made):,} |",
            flush=True,
        )
    return ratio_of_medians(contenders[1].seconds, contenders[0].seconds).value <= BOUND


def gain_of_strip(model: Any, rounds: int, shape: str, levels: list[int]) -> None:
    """Print a table of masked and stripped steps."""
    print(
        f"\n{shape}, {rounds} rounds\n\n| level, % | weights that stay | stripped step, of a masked one |\n"
        "|---|---|---|"
    )
    for level in levels:
        under, masks = masked(replica(model), "units", lambda step, share=level / 100: share)
        for group in masks.groups:
            group.scores.data.normal_()
        under.before(0)
        dense = replica(under.model)
        bake_masks(dense, family_of(dense.config))
        stripped = strip(dense, live_units(dense)).train()
        freeze(stripped)
        small = plain(stripped)
        take_turns([under, small], rounds, shape)
        print(f"| {level} | {1 - level / 100:.2f} | {ratio(small, under)} |", flush=True)


def freeze(model: Any) -> None:
    """Embeddings do not learn, as by default where they are most of the model."""
    for module in family_of(model.config).embedding_modules(model):
        module.requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--shapes", nargs="+", default=["32x32", "8x128"])
    parser.add_argument("--levels", type=int, nargs="*", default=[25, 50, 75, 90])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(
        arguments.encoder, num_labels=CLASSES, ignore_mismatched_sizes=True
    )
    freeze(model)
    model.to(arguments.device)
    if arguments.device == "cuda":
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    met = [cost_of_masks(model, arguments.rounds, shape) for shape in arguments.shapes]
    print(f"\nbound of units: {BOUND}: {'met' if all(met) else 'missed'}")
    for shape in arguments.shapes:
        gain_of_strip(model, arguments.rounds, shape, arguments.levels)


if __name__ == "__main__":
    main()
