"""The rows that cleaning has dropped, each with the reason."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.data.numbering import place_of

if TYPE_CHECKING:  # The command line imports this file to start.
    import numpy as np
    import numpy.typing as npt

REASONS = (
    "kept",
    "header_row",
    "empty_text",
    "missing_label",
    "conflicting_labels",
    "shared_between_splits",
    "exact_duplicate",
    "normalised_duplicate",
    "class_too_small",
    "unknown_label",
)
"""In the order of `mctl.data.facts.Fate`, and what `select_labels` drops."""
_FIRST = 5


@dataclass(frozen=True)
class Reason:
    """The rows that were dropped for one reason.

    Args:
        reason: kind of the finding.
        rows: how many.
        share: percent of all rows that were read.
        lines: where the first of them stand: "7", or "test 7" where the source has splits, or the name of the file
            instead of the split where that has several.
    """

    reason: str
    rows: int
    share: float
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Dropped:
    """Some rows of a source: ten bytes each.

    Args:
        splits: the splits of the source.
        read: rows of the source.
        split: (rows,) indices into `splits`.
        reason: (rows,) indices into `REASONS`.
        line: (rows,) numbers of the rows, see `mctl.data.report.Example` and `mctl.data.numbering`.
        files: names of the files of a split, for splits of several.
    """

    splits: tuple[str, ...]
    read: int
    split: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    line: npt.NDArray[np.int64]
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.line)

    @property
    def percent(self) -> float:
        """Share of the rows read."""
        return 100 * len(self) / self.read if self.read else 0.0

    def reasons(self) -> list[Reason]:
        """What was dropped, by reason."""
        import numpy as np

        counts = np.bincount(self.reason, minlength=len(REASONS)).tolist()
        return [
            Reason(REASONS[number], count, 100 * count / self.read, self._first_lines(number))
            for number, count in enumerate(counts)
            if count
        ]

    def _first_lines(self, reason: int) -> tuple[str, ...]:
        import numpy as np

        rows = np.flatnonzero(self.reason == reason)
        rows = rows[np.lexsort((self.line[rows], self.split[rows]))][:_FIRST]
        places = [self._place_of(row) for row in rows.tolist()]
        return tuple(f"{name} {line}" if len(self.splits) > 1 or self.files else f"{line}" for name, line in places)

    def _place_of(self, row: int) -> tuple[str, int]:
        split = self.splits[self.split[row]]
        return place_of(int(self.line[row]), split, self.files.get(split, ()))

    def of_split(self, name: str) -> Dropped:
        """Those of one split of the source."""
        rows = self.split == self.splits.index(name)
        return replace(self, split=self.split[rows], reason=self.reason[rows], line=self.line[rows])

    def joined(self, split: npt.NDArray[np.uint8], reason: str, line: npt.NDArray[np.int64]) -> Dropped:
        """These rows and others."""
        import numpy as np

        reasons = np.full(len(line), REASONS.index(reason), np.uint8)
        return replace(
            self,
            split=np.concatenate([self.split, split]),
            reason=np.concatenate([self.reason, reasons]),
            line=np.concatenate([self.line, line]),
        )

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "rows": len(self),
            "of": self.read,
            "reasons": [
                {"reason": found.reason, "rows": found.rows, "percent": found.share, "lines": list(found.lines)}
                for found in self.reasons()
            ],
        }

    def write(self, path: Path) -> None:
        """A CSV file with the columns split, line and reason; and file, where a split has several."""
        import numpy as np

        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("split", "line", "reason", *(["file"] if self.files else [])))
            for row in np.lexsort((self.line, self.split)):
                split, (place, line) = self.splits[self.split[row]], self._place_of(row)
                file_name = [place if split in self.files else ""] if self.files else []
                writer.writerow((split, line, REASONS[self.reason[row]], *file_name))


def told(dropped: Mapping[str, Any]) -> str:
    """What a manifest says of the rows dropped, in a few words: "empty_text: 3 rows (4, 9, 12)"."""
    reasons = []
    for found in dropped["reasons"]:
        more = ", ..." if found["rows"] > len(found["lines"]) else ""
        reasons.append(f"{found['reason']}: {found['rows']} rows ({', '.join(found['lines'])}{more})")
    return "; ".join(reasons)
