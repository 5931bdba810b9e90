"""Which nodes must keep their precision? A search that halves the graph where the error is.

Most of the error of a lower precision comes from few nodes: an overflow, a matrix whose input has outliers. Trying each
node alone would cost as many conversions as there are nodes; here a block of nodes is split only while it holds more
of the error than any other, and the rest of the graph is forgotten once a block alone restores the result, so that the
search costs about 2 log2(nodes) for each node found. It is group testing
(Dorfman 1943, doi 10.1214/aoms/1177731363) in best-first order, with an error in place of a yes or no.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from .errors import ExportError


@dataclass(frozen=True)
class Outcome:
    """What a graph is worth that keeps some nodes in float32.

    Attributes:
        error: how far it is from the original, in any unit; infinite if it overflows.
        good: whether it is near enough.
    """

    error: float
    good: bool


@dataclass(frozen=True)
class Kept:
    """A node that has to stay in float32.

    Attributes:
        name: of the node.
        share: of the error without any such list, the part (0..1) that keeping this node alone removes; below zero if
            alone it removes nothing. 1 for those without which the result is not finite.
    """

    name: str
    share: float


Trial = Callable[[Collection[str]], Outcome]
"""Converts with these nodes kept in float32, and compares."""


def most_trials(nodes: int, *, finite: bool = True) -> int:
    """A bound on the calls of `trial`. A search that finds few nodes takes about 2 log2(nodes) for each of them.

    Each block of nodes is tried once, each node once as it is found, and once to see whether it is needed.

    Args:
        nodes: that can be kept.
        finite: the result without any node kept is finite; those that overflow are looked for before the others.
    """
    return 4 * nodes if finite else 6 * nodes


def nodes_to_keep(names: Sequence[str], trial: Trial) -> tuple[Kept, ...]:
    """The nodes to keep in float32 so that `trial` is good; few, those with the largest shares of the error.

    Args:
        names: of all nodes that can be kept, in the order of the graph, so that neighbours are tried together.
        trial: called about 2 log2(len(names)) times for each node found, and once more to see whether it is needed.

    Returns:
        the nodes: those without which the result is not finite, then the others, the largest share first; none if the
        conversion is good as it is.

    Raises:
        ExportError: not even with all of them kept is the result good.
    """
    start = trial(())
    if start.good:
        return ()
    if not trial(names).good:
        raise ExportError("the result differs too much even with every node in float32")
    needed = _needed_to_be_finite(names, trial) if math.isinf(start.error) else []
    finite = trial(needed) if needed else start
    if finite.good:
        return tuple(Kept(name, 1.0) for name in needed)
    rest = [name for name in names if name not in set(needed)]

    def with_needed(kept: Collection[str]) -> Outcome:
        return trial([*needed, *kept])

    found = _without_the_needless(_Search(rest, with_needed, finite.error).found(), with_needed)
    return (*(Kept(name, 1.0) for name in needed), *sorted(found, key=lambda node: -node.share))


def _needed_to_be_finite(names: Sequence[str], trial: Trial) -> list[str]:
    """The nodes that overflow, and those that the large numbers pass on their way: each needs all of the others.

    Keeping one alone mends nothing, so there is no error to follow. QuickXplain (Junker 2004, AAAI-04, algorithm 1)
    finds a set of which none can go, in about 2 k log2(n / k) trials for k nodes out of n.
    """

    def finite(kept: Sequence[str]) -> bool:
        return not math.isinf(trial(kept).error)

    def smallest(kept: Sequence[str], more: bool, candidates: Sequence[str]) -> list[str]:
        if more and finite(kept):
            return []
        if len(candidates) == 1:
            return list(candidates)
        first, second = candidates[: len(candidates) // 2], candidates[len(candidates) // 2 :]
        from_second = smallest([*kept, *first], True, second)
        from_first = smallest([*kept, *from_second], bool(from_second), first)
        return [*from_first, *from_second]

    return smallest([], False, names)


class _Search:
    """Blocks of nodes by the error that remains when they are kept, the smallest first."""

    def __init__(self, names: Sequence[str], trial: Trial, error: float) -> None:
        self.names, self.trial, self.error = names, trial, error
        self.blocks: list[tuple[float, int, int]] = [(0.0, 0, len(names))]
        self.kept: list[Kept] = []

    def found(self) -> list[Kept]:
        """Single nodes, in the order in which they were found, until keeping all of them is good."""
        while self.blocks:
            error, start, end = heapq.heappop(self.blocks)
            if end - start > 1:
                self._split(start, end)
                continue
            self.kept.append(Kept(self.names[start], self._share(error)))
            if self.trial([node.name for node in self.kept]).good:
                break
        return self.kept

    def _split(self, start: int, end: int) -> None:
        middle = (start + end) // 2
        for first, last in ((start, middle), (middle, end)):
            outcome = self.trial(self.names[first:last])
            if outcome.good:  # Nothing outside of this block is needed.
                self.blocks, self.kept = [(outcome.error, first, last)], []
                return
            heapq.heappush(self.blocks, (outcome.error, first, last))

    def _share(self, error: float) -> float:
        return (self.error - error) / self.error if self.error else 0.0


def _without_the_needless(found: Sequence[Kept], trial: Trial) -> list[Kept]:
    """Leaves out, from the smallest share on, what the result is good without."""
    needed = list(found)
    for node in sorted(found, key=lambda kept: kept.share):
        rest = [other for other in needed if other is not node]
        if len(needed) > 1 and trial([other.name for other in rest]).good:
            needed = rest
    return needed
