"""fp32 graph in, fp16 or int8 graph out, with as many nodes left in fp32 as parity takes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.pipeline.judge import thresholds
from mctl.pipeline.scoring import Batch, encode
from mctl.progress import Progress
from mctl.recipe import ExportSettings, GateSettings, Precision

if TYPE_CHECKING:
    from mctl.exporters.bisection import Outcome
    from mctl.exporters.ranges import Range
    from mctl.validators.parity import ParityResult

# The verdict is spoken over other texts than those that are looked at here, so half of what it allows is aimed at.
_OF_WHAT_IS_ALLOWED = 0.5
_BATCH = 32


@dataclass(frozen=True)
class Examples:
    """Texts that no stage trains on and no verdict is spoken over, as token ids.

    Attributes:
        batches: ids and masks by input name, each (texts, tokens) int64.
        padding_id: the token that fills up a batch; some graphs compare ids with it.
    """

    batches: Sequence[Batch]
    padding_id: int

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Any, names: Sequence[str], max_length: int) -> Examples:
        """Batches of similar length."""
        ordered = sorted(texts, key=len)
        few = [ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH)]
        return cls([encode(tokenizer, texts, names, max_length) for texts in few], tokenizer.pad_token_id or 0)

    def logits(self, path: Path) -> np.ndarray:
        """Logits (texts, classes) of the graph at `path`, on the CPU."""
        from mctl.exporters.session import OnnxClassifier, open_session

        runner = OnnxClassifier(open_session(path))
        return np.concatenate([runner(batch) for batch in self.batches])

    def excerpt(self, source: Path, target: Path) -> Examples:
        """Writes the graph at `source` with the embeddings of these texts alone; returns the texts in its token ids."""
        from mctl.exporters.excerpt import write_excerpt

        used = {int(token) for batch in self.batches for token in np.unique(batch["input_ids"])}
        tokens = write_excerpt(source, target, used.union(range(self.padding_id + 1)))
        renumbered = [{**batch, "input_ids": np.searchsorted(tokens, batch["input_ids"])} for batch in self.batches]
        return Examples(renumbered, self.padding_id)


def narrow(
    source: Path,
    target: Path,
    settings: ExportSettings,
    examples: Examples | None,
    gate: GateSettings,
    progress: Progress,
) -> dict[str, Any]:
    """Convert the fp32 graph at `source` to `target`.

    Args:
        settings: the precision, fp16 or int8, and how to get there. Nodes that stay in fp32 are looked for unless they
            are named.
        examples: what parity is compared on while looking; without any, no node is left out. int8 learns from them
            where outliers are, and fixed scales if it is to have such.
        gate: its thresholds of parity say when to look, and when it is enough.

    Returns:
        the conversion as the manifest records it.

    Raises:
        ExportError: the graph cannot be converted, or the gate would be content with every node in fp32 alone.
    """
    precision = settings.precision
    convert, names = _converter(precision, source)
    found: list[dict[str, Any]] = [{"name": name} for name in settings.keep_fp32 or ()]
    smoothed: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        if examples is not None and precision == "int8":
            source, smoothed = _smoothed(source, Path(name), examples)
            if settings.quantization == "static":
                convert = partial(convert, ranges=_ranges(source, Path(name), examples))
        if examples is not None and settings.keep_fp32 is None:
            search = _Search(source, Path(name), precision, examples, gate)
            found = search.run(convert, names, progress)
        report = convert(source, target, keep_fp32=[node["name"] for node in found])
    values = {name: value for name, value in asdict(report).items() if name not in ("files", "kept_fp32")}
    return values | smoothed | {"kept_fp32": found}


def _smoothed(source: Path, folder: Path, examples: Examples) -> tuple[Path, dict[str, Any]]:
    """The graph without outliers in its activations, and what the manifest says of it."""
    from mctl.exporters.smoothing import write_smoothed

    target = folder / "smoothed.onnx"
    return target, {"smoothed": write_smoothed(source, target, _ranges(source, folder, examples))}


def _ranges(source: Path, folder: Path, examples: Examples) -> dict[str, Range]:
    """Extremes of what goes into the products of the graph at `source`."""
    from mctl.exporters.ranges import channel_ranges

    excerpt = folder / "ranges.onnx"
    return channel_ranges(excerpt, examples.excerpt(source, excerpt).batches)


def _converter(precision: Precision, source: Path) -> tuple[Callable[..., Any], Sequence[str]]:
    """What converts, and the nodes that it can leave alone."""
    if precision == "int8":
        from mctl.exporters.quantization import nodes_with_weights, to_int8

        return to_int8, nodes_with_weights(source)
    from mctl.exporters.precision import nodes, to_fp16

    return to_fp16, nodes(source)


def _nothing_left(precision: Precision) -> Exception:
    """The refusal of a search that kept every node."""
    from mctl.exporters.errors import ExportError

    return ExportError(
        f"not one node can be {precision} if dev texts are to differ by half of what [gate] allows at most: raise "
        "max_logit_diff there or lower min_label_agreement, list nodes to keep in [export] keep_fp32, or export fp32"
    )


class _Search:
    """Conversions with some nodes kept, and their logits beside those of the source."""

    def __init__(
        self, source: Path, folder: Path, precision: Precision, examples: Examples, gate: GateSettings
    ) -> None:
        limits = thresholds(gate)
        self.precision = precision
        self.source, self.draft = folder / "excerpt.onnx", folder / "trial.onnx"
        self.examples = examples.excerpt(source, self.source)
        self.expected = self.examples.logits(self.source)
        self.most = _OF_WHAT_IS_ALLOWED * limits.max_logit_diff[precision]
        # One text may change its label however few there are: 42 texts cannot tell 99.5 % from 99, and no text changes
        # whose two best logits are further apart than twice `most`.
        share = _OF_WHAT_IS_ALLOWED * (1 - limits.min_label_agreement[precision])
        self.most_flips = max(1, int(share * len(self.expected)))

    def run(self, convert: Callable[..., Any], names: Sequence[str], progress: Progress) -> list[dict[str, Any]]:
        """Nodes to keep and their shares of the error, as the manifest records them."""
        from mctl.exporters.bisection import most_trials, nodes_to_keep

        tried, most = 0, 1

        def converted(kept: Collection[str]) -> np.ndarray:
            convert(self.source, self.draft, keep_fp32=kept)
            return self.examples.logits(self._run(self.draft))

        def trial(kept: Collection[str]) -> Outcome:
            nonlocal tried, most
            if len(kept) == len(names):  # That is the source itself.
                return self._outcome(self.expected)
            outcome = self._outcome(logits := converted(kept))
            tried += 1
            if tried == 1 and not outcome.good:
                most = most_trials(len(names), finite=not math.isinf(outcome.error))
                self._say(
                    logits, progress, f": looking for the nodes that have to stay in fp32, in at most {most} tries"
                )
                progress.start(f"parity of {self.precision}, at most {most} tries", 1)
            elif tried == 1:
                self._say(logits, progress)
            progress.advance(tried, f"try {tried} of at most {most}, {len(kept)} of {len(names)} nodes kept")
            return outcome

        progress.start(f"parity of {self.precision}", 1)
        try:
            found = nodes_to_keep(names, trial)
        finally:
            progress.finish()
        for node in found:
            progress.say(f"  stays in fp32: {node.name}, {100 * node.share:.0f} % of the error")
        if len(found) == len(names):
            raise _nothing_left(self.precision)
        if found:
            logits = converted([node.name for node in found])
            self._say(logits, progress, f", with {len(found)} of {len(names)} nodes in fp32, after {tried} tries")
        return [asdict(node) for node in found]

    def _run(self, path: Path) -> Path:
        """The file that shows on this CPU what `path` computes on the device it is for."""
        if self.precision != "fp16":
            return path
        from mctl.exporters.emulation import write_rounded

        rounded = path.with_name("rounded.onnx")
        write_rounded(path, rounded)
        return rounded

    def _outcome(self, logits: np.ndarray) -> Outcome:
        from mctl.exporters.bisection import Outcome

        result = self._parity(logits)
        flips = round((1 - result.label_agreement) * result.texts)
        good = flips <= self.most_flips and result.max_abs_logit_diff <= self.most
        error = result.mean_abs_logit_diff if not result.non_finite_texts else float("inf")
        return Outcome(error=error, good=good and not result.non_finite_texts)

    def _parity(self, logits: np.ndarray) -> ParityResult:
        from mctl.validators.parity import compare_logits

        return compare_logits(self.expected, logits)

    def _say(self, logits: np.ndarray, progress: Progress, more: str = "") -> None:
        """How far the logits of a conversion are from those of the source."""
        result = self._parity(logits)
        figures = f"{100 * result.label_agreement:.2f} % equal labels on {result.texts} dev texts"
        largest = f"largest logit difference {result.max_abs_logit_diff:.2g}"
        if result.non_finite_texts:
            largest = f"{result.non_finite_texts} texts with logits that are not finite"
        progress.say(f"{self.precision}: {figures}, {largest}{more}")
