"""The result of loading: cleaned texts and labels in three splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mctl.data.dropped import Dropped
from mctl.data.report import CleaningReport

if TYPE_CHECKING:  # The command line imports this file to start.
    import numpy as np
    import numpy.typing as npt

    from mctl.data.stored import Texts

SplitName = Literal["train", "dev", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "dev", "test")


class Columns(NamedTuple):
    """The names of the two columns that were read."""

    text: str
    label: str


@dataclass(frozen=True, eq=False)
class Split:
    """Texts and their labels, in parallel. Memory holds twelve bytes a row; the texts lie on disk.

    Args:
        texts: (rows,) a sequence of strings.
        codes: (rows,) indices into `names`.
        names: the classes of the data set, sorted.
        numbers: (rows,) where each row stood in its source, see `mctl.data.report.Example`.
    """

    texts: Texts
    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]
    numbers: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Split:
        """A split of (text, label), in memory."""
        import numpy as np

        from mctl.data.stored import Texts

        pairs = list(rows)
        names = tuple(sorted({label for _, label in pairs}))
        codes = np.array([names.index(label) for _, label in pairs], np.int32)
        return cls(Texts.of(text for text, _ in pairs), codes, names, np.arange(1, len(pairs) + 1))

    @property
    def labels(self) -> npt.NDArray[np.object_]:
        """(rows,) class names, not ids; made anew every time."""
        import numpy as np

        return np.array(self.names, dtype=object)[self.codes]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((text, self.names[code]) for text, code in zip(self.texts, self.codes, strict=True))

    def rows_per_class(self) -> dict[str, int]:
        """Rows of each class that occurs, sorted by name."""
        import numpy as np

        counts = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return {name: count for name, count in zip(self.names, counts, strict=True) if count}


@dataclass(frozen=True)
class Dataset:
    """A cleaned, split data set.

    Args:
        class_names: sorted names of the classes; every one occurs in `splits["train"]` (in test, where the rows were
            loaded to judge a model).
        splits: train, dev and test; no text stands twice, in one split or in two.
        cut_from_train: the splits that the source lacked and that were cut off.
        columns: the columns read, of the train file if the source has several.
        source: file, folder or hub id, as the user named it.
        test_file: the file of test texts that was given beside it, if one was.
        report: what was found and done.
        dropped: the rows that were dropped.
        sha256: fingerprint of the cleaned rows, see `mctl.data.fingerprint`.
    """

    class_names: tuple[str, ...]
    splits: Mapping[SplitName, Split]
    cut_from_train: tuple[SplitName, ...]
    columns: Columns
    source: str
    test_file: str | None
    report: CleaningReport
    dropped: Dropped
    sha256: str

    def rows_per_split_and_class(self) -> dict[SplitName, dict[str, int]]:
        """Rows by split and class, with a zero for a class that a split lacks."""
        zeros = dict.fromkeys(self.class_names, 0)
        return {name: zeros | split.rows_per_class() for name, split in self.splits.items()}
