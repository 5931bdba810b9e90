"""fp32 graph in, fp16 or int8 graph out, with as many nodes left in fp32 as parity takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.pipeline.judge import thresholds
from mctl.pipeline.scoring import logits_of
from mctl.progress import Progress
from mctl.recipe import GateSettings, Precision

if TYPE_CHECKING:
    from mctl.exporters.bisection import Outcome
    from mctl.validators.parity import ParityResult

# The verdict is spoken over other texts than those that are looked at here, so half of what it allows is aimed at.
_OF_WHAT_IS_ALLOWED = 0.5
_BATCH = 32


@dataclass(frozen=True)
class Examples:
    """Texts that no stage trains on and no verdict is spoken over, and what turns them into ids.

    Attributes:
        texts: raw.
        tokenizer: of the model.
        inputs: names of the graph's inputs.
        max_length: tokens that texts are cut to.
    """

    texts: Sequence[str]
    tokenizer: Any
    inputs: Sequence[str]
    max_length: int

    def logits(self, path: Path, on_batch: Callable[[int], None] = lambda done: None) -> np.ndarray:
        """Logits (texts, classes) of the graph at `path`, on the CPU."""
        from mctl.exporters.session import OnnxClassifier, open_session

        runner = OnnxClassifier(open_session(path))
        return logits_of(runner, self.tokenizer, self.texts, self.inputs, self.max_length, _BATCH, on_batch)


def narrow(
    source: Path,
    target: Path,
    precision: Precision,
    keep_fp32: Sequence[str] | None,
    examples: Examples | None,
    gate: GateSettings,
    progress: Progress,
) -> dict[str, Any]:
    """Convert the fp32 graph at `source` to `target`.

    Args:
        precision: fp16 or int8.
        keep_fp32: nodes to leave in fp32; None looks for them.
        examples: what parity is compared on while looking; without any, no node is left out.
        gate: its thresholds of parity say when to look, and when it is enough.

    Returns:
        the conversion as the manifest records it.

    Raises:
        ExportError: the graph cannot be converted, or not even with every node in fp32 the gate would be content.
    """
    convert, names = _converter(precision, source)
    found: list[dict[str, Any]] = [{"name": name} for name in keep_fp32 or ()]
    if keep_fp32 is None and examples is not None:
        search = _Search(source, target.with_name(f"trial-{target.name}"), precision, examples, gate)
        found = search.run(convert, names, progress)
    report = convert(source, target, keep_fp32=[node["name"] for node in found])
    values = {name: value for name, value in asdict(report).items() if name not in ("files", "kept_fp32")}
    return values | {"kept_fp32": found}


def _converter(precision: Precision, source: Path) -> tuple[Callable[..., Any], Sequence[str]]:
    """What converts, and the nodes that it can leave alone."""
    if precision == "int8":
        from mctl.exporters.quantization import nodes_with_weights, to_int8

        return to_int8, nodes_with_weights(source)
    from mctl.exporters.precision import nodes, to_fp16

    return to_fp16, nodes(source)


class _Search:
    """Conversions with some nodes kept, and their logits beside those of the source."""

    def __init__(self, source: Path, draft: Path, precision: Precision, examples: Examples, gate: GateSettings) -> None:
        limits = thresholds(gate)
        self.precision, self.examples, self.draft = precision, examples, draft
        self.most = _OF_WHAT_IS_ALLOWED * limits.max_logit_diff[precision]
        self.least = 1 - _OF_WHAT_IS_ALLOWED * (1 - limits.min_label_agreement[precision])
        self.expected = examples.logits(source)
        self.source = source

    def run(self, convert: Callable[..., Any], names: Sequence[str], progress: Progress) -> list[dict[str, Any]]:
        """Nodes to keep and their shares of the error, as the manifest records them."""
        from mctl.exporters.bisection import nodes_to_keep

        tried = 0

        def trial(kept: Collection[str]) -> Outcome:
            nonlocal tried
            if len(kept) == len(names):  # That is the source itself.
                return self._outcome(self.expected)
            convert(self.source, self.draft, keep_fp32=kept)
            logits = self.examples.logits(self.draft)
            if not tried:
                self._say(logits, progress)
            tried += 1
            progress.advance(tried, f"{len(kept)} of {len(names)} nodes kept")
            return self._outcome(logits)

        progress.start(f"parity of {self.precision}", 1)
        try:
            found = nodes_to_keep(names, trial)
        finally:
            self.draft.unlink(missing_ok=True)
            progress.finish()
        for node in found:
            progress.say(f"  stays in fp32: {node.name}, {100 * node.share:.0f} % of the error")
        return [asdict(node) for node in found]

    def _outcome(self, logits: np.ndarray) -> Outcome:
        from mctl.exporters.bisection import Outcome

        result = self._parity(logits)
        good = result.label_agreement >= self.least and result.max_abs_logit_diff <= self.most
        error = result.mean_kl_nats if not result.non_finite_texts else float("inf")
        return Outcome(error=error, good=good and not result.non_finite_texts)

    def _parity(self, logits: np.ndarray) -> ParityResult:
        from mctl.validators.parity import compare_logits

        return compare_logits(self.expected, logits)

    def _say(self, logits: np.ndarray, progress: Progress) -> None:
        """What the conversion does if nothing is kept."""
        result = self._parity(logits)
        figures = f"{100 * result.label_agreement:.2f} % equal labels on {result.texts} dev texts"
        largest = f"largest logit difference {result.max_abs_logit_diff:.2g}"
        more = "" if self._outcome(logits).good else ": looking for the nodes that have to stay in fp32"
        progress.say(f"{self.precision}: {figures}, {largest}{more}")
